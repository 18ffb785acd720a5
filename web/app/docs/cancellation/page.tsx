import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, Note, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("cancellation");

export default function CancellationPage() {
  return (
    <Doc
      slug="cancellation"
      lead="Close the connection. The provider's stream is closed at once, and the whole hold comes back."
      sections={[
        {
          id: "leave",
          title: "Leave a stream",
          body: (
            <>
              <Snippet title="Cancel" files={["cancellation.py", "cancellation.mjs"]} />
              <P>With curl: Ctrl-C. A request that is not streamed is cancelled in the same way.</P>
            </>
          ),
        },
        {
          id: "cost",
          title: "What it costs",
          body: (
            <>
              <Bullets
                items={[
                  "Before the closing frame: nothing. The request is `released`, for the reason `cancelled`.",
                  "After the closing frame the answer is complete, and its charge stands.",
                  "A client that reads nothing for too long is treated as one that left.",
                ]}
              />
              <Note title="The free limit of a day">
                What had been delivered of cancelled answers is counted, and free up to a limit per account and UTC day
                (the operator's setting; $1.00 by default). Past that, the delivered part is charged until the day ends:
                otherwise reading an answer and hanging up would be free service.
              </Note>
            </>
          ),
        },
      ]}
    />
  );
}
