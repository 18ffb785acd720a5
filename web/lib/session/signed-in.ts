// Whether somebody was signed in here last: a hint, so that the gateway is not asked in vain. The session itself is a cookie that no
// page can read.

const KEY = "realrouter-signed-in";

export function rememberSignedIn(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(KEY, "1");
    else localStorage.removeItem(KEY);
  } catch {
    return; // storage is switched off: signing in is one step more
  }
}

export function wasSignedIn(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}
