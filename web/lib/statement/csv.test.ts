import { describe, expect, it } from "vitest";
import type { Transaction } from "@/lib/api/queries";
import { statementCsv, statementFileName } from "./csv";

const ROW: Transaction = {
  position: 654,
  at: "2026-11-26T08:47:31.351948Z",
  kind: "debit",
  id: "req_1",
  amount: "-0.00009025",
  amount_nanos: "-90250",
  balance_after: "9.69007975",
  balance_after_nanos: "9690079750",
  key_id: "key_1",
  model: "m",
  endpoint: "responses",
  response_id: "resp_1",
  outcome: "completed",
  reason: null,
  reference: null,
  finish: "completed",
  hold: "0.00833875",
  hold_nanos: "8338750",
  input_tokens: 9,
  cached_tokens: 0,
  output_tokens: 44,
  reasoning_tokens: 0,
  web_search_calls: 0,
  images: 0,
  estimated: false,
};

describe("a statement as a file", () => {
  it("has the rows on the page, with every digit", () => {
    const grant = { ...ROW, position: 2, kind: "grant", id: "adj_1", amount: "10.00", model: null, key_id: null };
    const text = statementCsv([ROW, { ...grant, balance_after: null, reason: "=cmd()", reference: 'a "b", c' }]);
    expect(text.split("\r\n")).toEqual([
      "position,at,kind,amount_usd,balance_after_usd,id,model,key_id,reference,reason",
      "654,2026-11-26T08:47:31.351948Z,debit,-0.00009025,9.69007975,req_1,m,key_1,,",
      `2,2026-11-26T08:47:31.351948Z,grant,10.00,,adj_1,,,"a ""b"", c",'=cmd()`,
      "",
    ]);
  });

  it("is named for its first and last position", () => {
    expect(statementFileName([ROW, { ...ROW, position: 598 }])).toBe("realrouter-transactions-654-to-598.csv");
  });
});
