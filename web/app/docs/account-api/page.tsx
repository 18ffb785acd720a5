import { Doc, docMetadata } from "@/components/docs/doc";
import { EndpointsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("account-api");

export default function AccountApiPage() {
  return (
    <Doc
      slug="account-api"
      lead="Dashboard endpoints expose balance, transactions, and usage summaries. A script may read them with a key."
      sections={[
        {
          id: "read",
          title: "Balance, usage and the statement",
          body: (
            <>
              <Snippet title="Read the account" files={["account.sh"]} />
              <Bullets
                items={[
                  'Amounts are decimal strings of USD (`"0.00009875"`), and beside them nano-USD (`"98750"`).',
                  "Instants are RFC 3339 in UTC. `from` and `to` are instants or dates; `to` itself is not included.",
                  "Statements come in pages: `next_cursor` leads to the next one while `has_more` is true.",
                  "`as_of.position` says how much of the ledger is in an answer.",
                ]}
              />
            </>
          ),
        },
        {
          id: "who",
          title: "Who may ask",
          body: (
            <>
              <P>
                Somebody who is signed in, by the cookie of their session; or a program with a bearer key of the
                account, which may read balance, transactions, usage, requests, events, packs, [receipts, statements and
                exports](/docs/receipts), and begin and look at a checkout. Keys, the password and automatic top-up are
                for who is signed in.
              </P>
              <EndpointsTable caption="Routes under /api" under="/api" />
            </>
          ),
        },
        {
          id: "events",
          title: "Live events",
          body: (
            <>
              <P>
                `GET /api/events` tells what happens to the account as server-sent events: `balance` first of all and
                whenever it has changed, `request` for each hold and its settlement, `account` for anything else, and
                `reset` where more was missed than is told again. Come back with `last-event-id`, as a browser's
                `EventSource` does by itself, and what was missed is told in order and once.
              </P>
              <Snippet title="Live events" files={["events.mjs"]} />
            </>
          ),
        },
        {
          id: "openapi",
          title: "OpenAPI",
          body: (
            <P>
              [`/openapi.json`](/openapi.json) describes every route as OpenAPI 3.1, with the shapes of bodies and
              answers. It is made from the routes themselves; this website's own types are made from it.
            </P>
          ),
        },
      ]}
    />
  );
}
