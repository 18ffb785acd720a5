import { describe, expect, it } from "vitest";
import { ApiError } from "@/lib/api/client";
import { formErrors, inWords } from "./errors";

describe("errors of a form", () => {
  it("appear at the field that they name", () => {
    const errors = formErrors(new ApiError("Too short.", 400, "invalid_value", "password"), ["email", "password"]);
    expect(errors.field("password")).toBe("Too short.");
    expect(errors.field("email")).toBeNull();
    expect(errors.general).toBeNull();
  });

  it("are general if they name no field of the form", () => {
    const errors = formErrors(new ApiError("No.", 400, null, "elsewhere"), ["email"]);
    expect(errors.general).toBe("No.");
  });

  it("say how long to wait", () => {
    const errors = formErrors(new ApiError("Slow down.", 429, "rate_limited", null, "req-1", 120), []);
    expect(errors.general).toBe("Too many attempts. Try again in 2 minutes.");
    expect([inWords(0.2), inWords(1), inWords(89.5), inWords(90), inWords(901)]).toEqual([
      "1 second",
      "1 second",
      "90 seconds",
      "2 minutes",
      "16 minutes",
    ]);
  });
});
