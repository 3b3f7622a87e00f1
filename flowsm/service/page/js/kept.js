// What a browser remembers for its user; one that refuses to is no reason to fail.

export function kept(name, otherwise = "", store = "localStorage") {
  try {
    return window[store].getItem(`flowsm.${name}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keep(name, value, store = "localStorage") {
  try {
    if (value) window[store].setItem(`flowsm.${name}`, value);
    else window[store].removeItem(`flowsm.${name}`);
  } catch {
    // it is forgotten with the page
  }
}
