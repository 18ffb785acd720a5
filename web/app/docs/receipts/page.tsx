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
                  'curl https://api.realrouter.org/log/key -o log.key\ncurl https://api.realrouter.org/api/proofs/resp_... -H "Authorization: Bearer $REALROUTER_API_KEY" -o receipt.tlog-proof\npython realrouter_verify.py receipt receipt.tlog-proof --key "$(head -1 log.key)"'
                }
              />
              <P>
                `realrouter_verify.py` is one file of the project's `ops/verify`. The dashboard gives the same receipt
                in a request's sheet. The form is C2SP's tlog-proof.
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
            </>
          ),
        },
      ]}
    />
  );
}
