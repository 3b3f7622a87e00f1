"use strict";
window.addEventListener("load", () => {
  if (window.SwaggerUIBundle) {
    SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
  } else if (window.Redoc) {
    Redoc.init("openapi.json", { disableSearch: true, nativeScrollbars: true }, document.getElementById("docs"));
  }
});
