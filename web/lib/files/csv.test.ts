import { describe, expect, it } from "vitest";
import { toCsv } from "./csv";

const one = (value: string) => toCsv(["h"], [[value]]).split("\r\n")[1];

describe("CSV", () => {
  it("ends every record with CRLF, including the last", () => {
    expect(
      toCsv(
        ["a", "b"],
        [
          ["x", 1],
          ["y", { exact: "0.000000001" }],
        ],
      ),
    ).toBe("a,b\r\nx,1\r\ny,0.000000001\r\n");
    expect(toCsv(["a"], [])).toBe("a\r\n");
  });

  it("quotes commas, quotes and line ends, and nothing else", () => {
    expect(toCsv(["h"], [['a "b", c'], ["two\nlines"], ["plain; text"]])).toBe(
      'h\r\n"a ""b"", c"\r\n"two\nlines"\r\nplain; text\r\n',
    );
  });

  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\tx", " =1", "＝1+1"])("keeps %j from being a formula", (text) => {
    expect(one(text)).toBe(`'${text}`);
  });

  it("does the same after a line end", () => {
    expect(toCsv(["h"], [["\r=1"]])).toBe(`h\r\n"'\r=1"\r\n`);
  });

  it("leaves figures unchanged, including negative ones", () => {
    expect(toCsv(["h"], [[{ exact: "-0.5" }], [1234567]])).toBe("h\r\n-0.5\r\n1234567\r\n");
  });

  it.each(["gpt-5.4", "a=b", "e-mail@example.com"])("leaves %j unchanged", (text) => {
    expect(one(text)).toBe(text);
  });
});
