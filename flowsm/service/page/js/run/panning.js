// A box that is moved by dragging what is in it, as a map is: with a mouse, for fingers scroll by themselves.

import { useEffect } from "../lib.js";

const STILL_PX = 4;

export function usePanning(box) {
  useEffect(() => {
    const element = box.current;
    let from = null;
    let isMoved = false;
    function down(event) {
      isMoved = false;
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      from = { x: event.clientX, y: event.clientY, left: element.scrollLeft, top: element.scrollTop };
    }
    function move(event) {
      if (from === null) return;
      const [x, y] = [event.clientX - from.x, event.clientY - from.y];
      if (!isMoved && Math.hypot(x, y) < STILL_PX) return;
      isMoved = true;
      element.classList.add("is-moved");
      element.scrollLeft = from.left - x;
      element.scrollTop = from.top - y;
    }
    function up() {
      if (from === null) return;
      from = null;
      element.classList.remove("is-moved");
      setTimeout(() => { isMoved = false; });
    }
    const click = (event) => isMoved && event.stopPropagation(); // it ended the dragging, and means no state
    element.addEventListener("pointerdown", down);
    element.addEventListener("click", click, true);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", up);
    return () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", up);
    };
  }, []);
}
