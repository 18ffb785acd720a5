import { Doc, docMetadata } from "@/components/docs/doc";
import { TransactionsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Listing, Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("receipts");

export default function ReceiptsPage() {
  return (
    <Doc
      slug="receipts"
      lead="Every response carries an `x-request-id`. Use it to look up what was held, what was charged, and why."
      sections={[
        {
          id: "read",
          title: "Read a receipt",
          body: (
            <>
              <P>Use the request's ID or the ID of its response (`resp_...`), with any of the account's keys:</P>
              <Snippet title="Receipt" files={["receipt.py", "receipt.mjs", "receipt.sh"]} />
              <P>In the dashboard, paste either ID into the search box.</P>
            </>
          ),
        },
        {
          id: "inside",
          title: "What a receipt contains",
          body: (
            <Bullets
              items={[
                "`state`: `open`, `debited` or `released`, and the `reason` for a release.",
                "`hold`, `cost` and `returned`, each in USD and in nano-USD. Cost and return add up to the hold, unless the cost exceeded it.",
                "`lines`: in each line, `quantity` times `price` is exactly `amount`. The lines add up to the cost.",
                "Tokens, the finish reason, the service tier, and the price version.",
                "`events`: the request's events on the ledger, with their positions and times.",
              ]}
            />
          ),
        },
        {
          id: "signed",
          title: "Signed receipts",
          body: (
            <>
              <P>
                If the operator seals the log, every charge, top-up and refund has a signed receipt: the event's own
                bytes, a proof that the log contains them, and the log's signature. Save the log's public key while you
                trust it; you can then verify receipts without contacting anyone.
              </P>
              <Listing
                title="Fetch and verify"
                language="curl"
                text={
                  'curl https://api.realrouter.org/log/key -o log-key.txt\ncurl https://api.realrouter.org/api/proofs/resp_... -H "Authorization: Bearer $REALROUTER_API_KEY" -o receipt.tlog-proof\npython realrouter_verify.py receipt receipt.tlog-proof --key "$(head -1 log-key.txt)"'
                }
              />
              <P>
                `realrouter_verify.py` is a single file in the project's `ops/verify` folder. The dashboard offers the
                same receipts: for a request in its details, and for a top-up, grant or refund next to its row under
                [Billing](/dashboard/billing). In place of the ID you can send a transaction's `position`, which
                identifies the row itself: a failed refund and a won dispute share the ID of the refund or dispute. The
                format is C2SP's tlog-proof.
              </P>
            </>
          ),
        },
        {
          id: "statement",
          title: "The statement",
          body: (
            <>
              <P>
                `GET /api/transactions` lists everything that changed the balance, newest first, with the balance after
                each row. A row's `reference` names what it refers to:
              </P>
              <TransactionsTable />
              <P>
                `GET /api/statements/2026-11?format=html` is a month's statement as a page to print or save as PDF.
                Without `format` it is JSON. [Billing](/dashboard/billing) lists the months.
              </P>
            </>
          ),
        },
        {
          id: "exports",
          title: "Exports",
          body: (
            <>
              <P>
                `GET /api/exports/KIND` downloads the account's books for other programs, with exact amounts. In the
                dashboard, exports are under [Billing](/dashboard/billing). KIND is one of:
              </P>
              <Bullets
                items={[
                  "`csv` and `parquet`, with a `table`: `transactions`, `usage`, `lots` (the remaining credit of each top-up and grant) or `journal` (postings, debit and credit).",
                  "`focus`: FOCUS 1.2 as CSV, for cloud billing tools. For Parquet, use `parquet` with `table=focus`.",
                  "`beancount` and `hledger`: the journal in plain-text accounting formats.",
                ]}
              />
              <P>
                `from` and `to` are times or dates; `to` itself is not included. Exports are generated as they are sent,
                so their length is not known in advance. `x-last-position` is the last position in an export: pass it as
                `after` to continue.
              </P>
              <Listing
                title="Last month's usage, and its statement"
                language="curl"
                text={
                  'curl "https://api.realrouter.org/api/exports/csv?table=usage&from=2026-10-01&to=2026-11-01" \\\n  -H "Authorization: Bearer $REALROUTER_API_KEY" -o usage.csv\ncurl "https://api.realrouter.org/api/statements/2026-10?format=html" \\\n  -H "Authorization: Bearer $REALROUTER_API_KEY" -o statement.html'
                }
              />
            </>
          ),
        },
      ]}
    />
  );
}
