// Whether someone was last signed in in this browser: a hint that saves a pointless request. The session itself is a cookie that no
// page can read.

const KEY = "realrouter-signed-in";

export function rememberSignedIn(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(KEY, "1");
    else localStorage.removeItem(KEY);
  } catch {
    return; // storage is disabled: signing in takes one more step
  }
}

export function wasSignedIn(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}
