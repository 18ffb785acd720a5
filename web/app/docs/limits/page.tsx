import { Doc, docMetadata } from "@/components/docs/doc";
import { FixedLimitsTable, HeadersTable, KeyLimitsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("limits");

export default function LimitsPage() {
  return (
    <Doc
      slug="limits"
      lead="How much and how fast a key may spend, how large a request may be, and the headers that report the limits."
      sections={[
        {
          id: "keys",
          title: "Key limits",
          body: (
            <>
              <P>Each key has its own limits, set in the dashboard. All are optional and can be changed at any time.</P>
              <KeyLimitsTable />
              <Bullets
                items={[
                  "Windows are fixed: they start with the UTC minute or month.",
                  "The ledger checks budgets and rates as part of each admission, so they are exact, however many processes there are.",
                  "What a request reserved but did not use is returned to the window it came from: the rest of the hold to the budget, and unused tokens to the token rate. A refused request does not count.",
                  "A request that needs more than a whole window is refused with `x-should-retry: false`.",
                ]}
              />
            </>
          ),
        },
        {
          id: "rates",
          title: "Check the remaining rate",
          body: (
            <>
              <P>
                The `x-ratelimit` headers are sent with every response, including refusals, to a request that the ledger
                decided on, and only for rates that the key limits.
              </P>
              <Snippet title="Rate headers" files={["limits.py", "limits.mjs"]} />
            </>
          ),
        },
        {
          id: "answer-headers",
          title: "Response headers",
          body: <HeadersTable caption="Headers that the gateway sends" of="answer" />,
        },
        {
          id: "request-headers",
          title: "Request headers",
          body: (
            <>
              <HeadersTable caption="Headers that a client sends" of="request" />
              <P>No header from a client is forwarded to a provider.</P>
            </>
          ),
        },
        {
          id: "sizes",
          title: "Sizes",
          body: (
            <>
              <P>
                A PDF may have up to 25 MB, and a request up to 50 MB of inline and referenced content. The other fixed
                limits:
              </P>
              <FixedLimitsTable />
            </>
          ),
        },
      ]}
    />
  );
}
