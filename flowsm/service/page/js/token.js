// Asks for a token while the service lets nobody in without one, and when it refuses what it let through before.

import { hasToken, told, useToken } from "./api.js";
import { Dialog } from "./dialog.js";
import { html, useEffect, useState } from "./lib.js";

// `onService` is called with what the service says to whoever shows a token that is one of its own.
export function Token({ isLocked, onService }) {
  const [text, setText] = useState("");
  const [isAsked, setAsked] = useState(false);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const ask = () => setAsked(true);
    if (isLocked) ask();
    window.addEventListener("flowsm-unauthorized", ask);
    return () => window.removeEventListener("flowsm-unauthorized", ask);
  }, [isLocked]);
  if (!isAsked) return null;
  async function use(event) {
    event.preventDefault();
    try {
      const service = useToken(text) && (await told());
      setText("");
      if (!service?.role) return setProblem("The one you gave is not one of its tokens.");
      window.dispatchEvent(new Event("flowsm-token"));
      setAsked(false);
      setProblem("");
      return onService(service);
    } catch (error) {
      return setProblem(error.message);
    }
  }
  const first = hasToken() ? "The one you gave is not one of its tokens." : "Its operator has one: FLOWSM_TOKEN.";
  return html`<${Dialog} title="This service asks for a token" onClose=${() => setAsked(false)}>
    <form onSubmit=${use} class="form">
      <p role="status">${problem || first} It is kept until this window is closed.</p>
      <label>Token <input type="password" autocomplete="off" required data-first value=${text}
        onInput=${(event) => setText(event.target.value)} /></label>
      <div class="form-end"><button class="primary">Use it</button></div>
    </form>
  </${Dialog}>`;
}
