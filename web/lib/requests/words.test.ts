import { describe, expect, it } from "vitest";
import { costKindInWords, finishInWords, reasonInWords } from "./words";

describe("words", () => {
  it.each([
    ["input", "Input tokens"],
    ["image:high/1024x1024", "Images, high 1024x1024"],
    ["image:*", "Images"],
    ["call:code_interpreter", "Calls to code interpreter"],
    ["new_kind", "New kind"],
  ])("for a line of cost: %s", (kind, words) => {
    expect(costKindInWords(kind)).toBe(words);
  });

  it("for how a request ended", () => {
    expect(finishInWords("completed", "completed")).toBe("Completed");
    expect(finishInWords("incomplete:max_output_tokens", "completed")).toBe("Truncated");
    expect(finishInWords("stop", "cancelled")).toBe("Cancelled, charged");
    expect(finishInWords("stop,length", null)).toBe("Stop,length");
    expect(reasonInWords("upstream_failed")).toBe("Provider failed");
    expect(reasonInWords("something_new")).toBe("Something new");
  });
});
