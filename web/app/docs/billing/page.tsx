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
                  "**Hold.** Before a provider is called, the most that the request can cost is taken from the available balance. If it is not there, the request is refused: 402, and nothing has happened.",
                  "**Charge.** When the answer is complete, what it used is charged, before you get its closing frame.",
                  "**Return.** The rest of the hold comes back in the same event. Whatever does not complete gives the whole hold back.",
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
              <P>It is the sum of three parts, each at the dearest price that could apply:</P>
              <Bullets
                items={[
                  "**Input**: one token for each byte of the body, and some for what a provider adds; 12,000 tokens for each image, 8,000 for each page of a PDF; never above the context window.",
                  "**Output**: `max_output_tokens` (chat: `max_completion_tokens` or `max_tokens`), else the gateway's default of 4,096 unless the operator has set another. Times `n`.",
                  "**Priced tools**: `max_tool_calls`, else 8, where one is offered.",
                ]}
              />
              <P>
                It is a ceiling, not an estimate: with a low balance, set a lower output limit, and the hold is smaller.
                A balance cannot be overdrawn by sending more requests at once: the ledger itself judges each hold
                against the same balance, over any number of processes.
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
                One line for each kind that was used: quantity times price, exactly. Kinds are disjoint: cached input is
                not also input, reasoning is part of output and priced once.
              </P>
              <CostLinesTable />
              <Bullets
                items={[
                  "Prices are those at the request's admission; the charge names their version.",
                  "Where the input is above a long-context threshold, the whole request is charged by that tier.",
                  "An answer that its own length limit or a filter has cut is complete, and is charged.",
                  "Where a provider sends no usage it is counted here, and the charge says `estimated`.",
                  "A provider that used more than the hold covered is charged in full; the charge says by how much.",
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
              Money is an integer of nano-USD (0.000000001 USD) everywhere, never a fraction in floating point. Lines
              are exact to 0.000000000001 USD. Their sum is rounded up once, to a whole nano-USD, and the difference is
              a line of its own, `rounding`.
            </P>
          ),
        },
        {
          id: "free",
          title: "What costs nothing",
          body: (
            <>
              <P>
                A refused, failed, broken or [cancelled](/docs/cancellation) request is released in full, for one of
                these reasons:
              </P>
              <ReasonsTable />
              <P>After a crash of the gateway itself, open holds are resolved within a minute.</P>
            </>
          ),
        },
        {
          id: "balance",
          title: "Adding balance",
          body: (
            <>
              <P>
                Packs are bought under Billing in the dashboard, on Stripe's page. A payment is credited once, whatever
                becomes of the messages about it. Automatic top-up buys a pack when the balance falls below a threshold
                that you set, up to a ceiling for the month.
              </P>
              <P>
                A refund or a dispute takes back the part of the credit that the payment had bought. If that leaves less
                than nothing, the account takes no new requests until it is back at zero.
              </P>
              <P>
                [Statements by month, exports and signed receipts](/docs/receipts) of all of it are under Billing too.
              </P>
            </>
          ),
        },
      ]}
    />
  );
}
