import { Doc, docMetadata } from "@/components/docs/doc";
import { CostLinesTable, ReasonsTable } from "@/components/docs/facts";
import { Bullets, P, Steps } from "@/components/docs/prose";
import { MoneyFigure } from "@/components/money-figure";

export const metadata = docMetadata("billing");

export default function BillingPage() {
  return (
    <Doc
      slug="billing"
      lead="Realrouter uses account balance. API calls debit token usage after successful completion, and checkout packs add balance through Stripe. Dashboard endpoints expose balance, transactions, and usage summaries."
      sections={[
        {
          id: "request",
          title: "How a request's money moves",
          body: (
            <>
              <Steps
                items={[
                  "**Hold.** Before a provider is called, the most that the request can cost is reserved from the available balance. If the balance is too low, the request is refused with 402, and nothing is held.",
                  "**Charge.** When the response is complete, you are charged for what it used, before its closing frame is sent.",
                  "**Return.** The rest of the hold is returned in the same event. If a request does not complete, the whole hold is returned.",
                ]}
              />
              <MoneyFigure />
            </>
          ),
        },
        {
          id: "hold",
          title: "The hold",
          body: (
            <>
              <P>The hold is the sum of three parts, each at the highest price that could apply:</P>
              <Bullets
                items={[
                  "**Input**: one token per byte of the body, and some for what a provider adds; 12,000 tokens per image and 8,000 per page of a PDF; never more than the context window.",
                  "**Output**: `max_output_tokens` (chat: `max_completion_tokens` or `max_tokens`), or else the gateway's default, 4,096 unless the operator has set another. Multiplied by `n`.",
                  "**Priced tools**: `max_tool_calls`, or else 8, if the request offers such a tool.",
                ]}
              />
              <P>
                The hold is a ceiling, not an estimate. If your balance is low, set a lower output limit to get a
                smaller hold. Sending more requests at once cannot overdraw a balance: the ledger itself checks each
                hold against the same balance, across any number of processes.
              </P>
            </>
          ),
        },
        {
          id: "charge",
          title: "The charge, line by line",
          body: (
            <>
              <P>
                A charge has one line for each kind of usage: exactly quantity times price. Kinds do not overlap: cached
                input is not also input, and reasoning is part of output, priced once.
              </P>
              <CostLinesTable />
              <Bullets
                items={[
                  "The prices are those in effect when the request was admitted; the charge names their version.",
                  "If the input exceeds a long-context threshold, that tier's prices apply to the whole request.",
                  "A response cut short by its own length limit or by a filter is complete, and is charged.",
                  "If a provider reports no usage, the gateway counts it, and the charge says `estimated`.",
                  "If a provider used more than the hold covered, you are charged in full; the charge says by how much it exceeded the hold.",
                ]}
              />
            </>
          ),
        },
        {
          id: "rounding",
          title: "Rounding",
          body: (
            <P>
              Amounts are always integers of nano-USD (0.000000001 USD), never floating point. Lines are exact to
              0.000000000001 USD. Their sum is rounded up once, to a whole nano-USD, and the difference is a line of its
              own, `rounding`.
            </P>
          ),
        },
        {
          id: "free",
          title: "What is free",
          body: (
            <>
              <P>
                The hold of a failed, broken or [cancelled](/docs/cancellation) request is released in full, and a
                refused request holds nothing. The reasons for a release are:
              </P>
              <ReasonsTable />
              <P>If the gateway itself crashes, open holds are resolved within a minute.</P>
            </>
          ),
        },
        {
          id: "balance",
          title: "Adding credit",
          body: (
            <>
              <P>
                Buy packs under Billing in the dashboard; you pay on Stripe's page. Each payment is credited exactly
                once, even if Stripe's notifications about it are lost or repeated. Automatic top-up buys a pack when
                the balance falls below a threshold that you set, up to a monthly ceiling.
              </P>
              <P>
                A refund or a dispute takes back the corresponding part of the credit that the payment bought. If that
                makes the balance negative, the account cannot send new requests until the balance is back at zero.
              </P>
              <P>[Monthly statements, exports and signed receipts](/docs/receipts) are under Billing, too.</P>
            </>
          ),
        },
      ]}
    />
  );
}
