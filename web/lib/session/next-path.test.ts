import { describe, expect, it } from "vitest";
import { nextPath } from "./next-path";

const HERE = "https://realrouter.example";

describe("where signing in leads", () => {
  it.each(["/dashboard", "/dashboard/usage?by=key&from=2026-11-01", "/dashboard/requests?request=req_1"])(
    "to %s",
    (path) => {
      expect(nextPath(path, HERE)).toBe(path);
    },
  );

  it.each([
    null,
    "",
    "https://evil.example/dashboard",
    "//evil.example/dashboard",
    "/\\evil.example/dashboard",
    "/\t/evil.example/dashboard",
    "\\/evil.example",
    "javascript:alert(1)",
    "/dashboard/../login",
    "/dashboard/%2e%2e/login",
    "/dashboards",
    "/docs",
    "dashboard",
    "http://[",
    "//[",
  ])("not to %j", (wanted) => {
    expect(nextPath(wanted, HERE)).toBe("/dashboard");
  });
});
