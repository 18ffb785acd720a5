import { Doc, docMetadata } from "@/components/docs/doc";
import { TransactionsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Listing, Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("receipts");

export default function ReceiptsPage() {
  return (
    <Doc
      slug="receipts"
      lead="Every answer carries an `x-request-id`. Under it stands what was held, what was charged, and why."
      sections={[
        {
          id: "read",
          title: "Read a receipt",
          body: (
            <>
              <P>By the request's id, or by the id of its answer (`resp_...`), with any key of the account:</P>
              <Snippet title="Receipt" files={["receipt.py", "receipt.mjs", "receipt.sh"]} />
              <P>In the dashboard, paste either id into the search box.</P>
            </>
          ),
        },
        {
          id: "inside",
          title: "What is in it",
          body: (
            <Bullets
              items={[
                "`state`: `open`, `debited` or `released`, and the `reason` of a release.",
                "`hold`, `cost` and `returned`, each in USD and in nano-USD. Cost and return together are the hold, unless the cost went above it.",
                "`lines`: in each, `quantity` times `price` is exactly `amount`. Their sum is the cost.",
                "Tokens, the finish reason, the service tier, and the version of the prices.",
                "`events`: the events of the ledger that say so, with their positions and instants.",
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
                Where the operator seals the log, every charge, top-up and refund has a receipt that proves itself: the
                event's own bytes, the proof that the log holds them, and the log's signature. Keep the log's public key
                from a day on which you trusted it; then nobody need be asked.
              </P>
              <Listing
                title="Fetch and check"
                language="curl"
                text={
                  'curl https://api.realrouter.org/log/key -o log-key.txt\ncurl https://api.realrouter.org/api/proofs/resp_... -H "Authorization: Bearer $REALROUTER_API_KEY" -o receipt.tlog-proof\npython realrouter_verify.py receipt receipt.tlog-proof --key "$(head -1 log-key.txt)"'
                }
              />
              <P>
                `realrouter_verify.py` is one file of the project's `ops/verify`. The dashboard gives the same receipt:
                of a request in its sheet, of a top-up, grant or refund beside its row under
                [Billing](/dashboard/billing). A transaction's `position` in the place of the id names the row itself: a
                refund that failed and a dispute that was won have the id of what they end. The form is C2SP's
                tlog-proof.
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
                `GET /api/transactions` lists whatever moved the balance, newest first, with the balance behind each
                row. A row refers to its request, payment or correction:
              </P>
              <TransactionsTable />
              <P>
                A month of it is a page: `GET /api/statements/2026-11?format=html`, for paper or a PDF; without `format`
                it is the same in figures. [Billing](/dashboard/billing) lists the months.
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
                `GET /api/exports/csv` and its kin give the account's books to other programs, with exact amounts. In
                the dashboard they are under [Billing](/dashboard/billing).
              </P>
              <Bullets
                items={[
                  "`csv` and `parquet`, with a `table`: `transactions`, `usage`, `lots` (what each top-up and grant has left) or `journal` (postings, debit and credit).",
                  "`focus`: FOCUS 1.2 as CSV, for tools that read cloud bills; as Parquet it is a `table` of `parquet`.",
                  "`beancount` and `hledger`: the journal in the languages of plain-text accounting.",
                  "`from` and `to` are instants or dates; `to` itself is not included.",
                  "Each is sent while it is made, so no length is told before. `x-last-position` says how far it goes; the answer to `after` with that position belongs behind it.",
                ]}
              />
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
