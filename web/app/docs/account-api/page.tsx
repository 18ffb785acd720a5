import { Doc, docMetadata } from "@/components/docs/doc";
import { EndpointsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("account-api");

export default function AccountApiPage() {
  return (
    <Doc
      slug="account-api"
      lead="Dashboard endpoints expose balance, transactions, and usage summaries. Scripts can read them with an API key."
      sections={[
        {
          id: "read",
          title: "Balance, usage and the statement",
          body: (
            <>
              <Snippet title="Read the account" files={["account.sh"]} />
              <Bullets
                items={[
                  'Amounts are decimal strings in USD (`"0.00009875"`), next to the same amount in nano-USD (`"98750"`).',
                  "Times are RFC 3339 in UTC. `from` and `to` are times or dates; `to` itself is not included.",
                  "Transactions are paged: while `has_more` is true, pass `next_cursor` as `cursor` to get the next page.",
                  "`as_of.position` is the ledger position up to which a response is current.",
                ]}
              />
            </>
          ),
        },
        {
          id: "who",
          title: "Authentication",
          body: (
            <>
              <P>
                Requests carry either the session cookie of a signed-in user, or one of the account's API keys as a
                bearer token. A key may read balance, transactions, usage, requests, events, packs, [receipts,
                statements and exports](/docs/receipts), and may start and read a checkout. Managing keys, the password
                and automatic top-up requires a session.
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
                `GET /api/events` streams the account's changes as server-sent events: `balance` at the start and after
                every change, `request` for each hold and its settlement, `account` for anything else, and `reset` if
                too many events were missed to replay. Reconnect with `last-event-id`, as a browser's `EventSource` does
                automatically, and missed events are replayed in order, each once.
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
              [`/openapi.json`](/openapi.json) describes every route as OpenAPI 3.1, with the shapes of request bodies
              and responses. It is generated from the routes themselves, and this website's types are generated from it.
            </P>
          ),
        },
      ]}
    />
  );
}
