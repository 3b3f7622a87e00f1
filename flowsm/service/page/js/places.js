// Places for streams: browsers give all their windows six connections to one service, and a stream keeps one of them.

const MOST_STREAMS = 4;

// Run `use` in one of the places that this browser's windows have together; false where none is free. Browsers share locks
// between windows where a page is served securely, or by the machine itself; elsewhere nobody can tell how many there are.
export async function inPlace(use) {
  if (!navigator.locks) {
    await use();
    return true;
  }
  for (let number = 0; number < MOST_STREAMS; number += 1) {
    const isMine = async (lock) => {
      if (lock) await use();
      return lock !== null;
    };
    if (await navigator.locks.request(`flowsm.stream.${number}`, { ifAvailable: true }, isMine)) return true;
  }
  return false;
}
