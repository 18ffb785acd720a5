import { Doc, docMetadata } from "@/components/docs/doc";
import { FixedLimitsTable, HeadersTable, KeyLimitsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("limits");

export default function LimitsPage() {
  return (
    <Doc
      slug="limits"
      lead="What a key may spend and how fast, how large a request may be, and the headers that tell."
      sections={[
        {
          id: "keys",
          title: "Limits of a key",
          body: (
            <>
              <P>Each key has its own, set in the dashboard. All are optional, and may be changed at any time.</P>
              <KeyLimitsTable />
              <Bullets
                items={[
                  "Windows are fixed: they begin with the UTC minute or month.",
                  "The ledger judges budgets and rates in the admission itself, so they are exact, however many processes there are.",
                  "What a request reserved and did not use goes back to the window that it came from: of a budget the rest of the hold, of tokens the same. One that was refused has counted nothing.",
                  "A request that needs more than a whole window is told so: `x-should-retry: false`.",
                ]}
              />
            </>
          ),
        },
        {
          id: "rates",
          title: "Read what is left",
          body: (
            <>
              <P>
                The `x-ratelimit` headers are on every answer that the ledger judged, refusals included, and only for
                what the key limits.
              </P>
              <Snippet title="Rate headers" files={["limits.py", "limits.mjs"]} />
            </>
          ),
        },
        {
          id: "answer-headers",
          title: "Headers of answers",
          body: <HeadersTable caption="Headers that the gateway sends" of="answer" />,
        },
        {
          id: "request-headers",
          title: "Headers of requests",
          body: (
            <>
              <HeadersTable caption="Headers that a client sends" of="request" />
              <P>Nothing that a client sends as a header reaches a provider.</P>
            </>
          ),
        },
        {
          id: "sizes",
          title: "Sizes",
          body: (
            <>
              <P>
                A PDF is at most 25 MB; the inline and referenced content of a request at most 50 MB. What else is
                fixed:
              </P>
              <FixedLimitsTable />
            </>
          ),
        },
      ]}
    />
  );
}
