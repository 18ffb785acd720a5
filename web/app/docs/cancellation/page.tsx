import { Doc, docMetadata } from "@/components/docs/doc";
import { Bullets, Note, P } from "@/components/docs/prose";
import { Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("cancellation");

export default function CancellationPage() {
  return (
    <Doc
      slug="cancellation"
      lead="Close the connection. The provider's stream is closed at once, and the whole hold is returned."
      sections={[
        {
          id: "leave",
          title: "Cancel a stream",
          body: (
            <>
              <Snippet title="Cancel" files={["cancellation.py", "cancellation.mjs"]} />
              <P>With curl, press Ctrl-C. A request without streaming is cancelled the same way.</P>
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
                  "Before the closing frame: nothing. The request is `released` with the reason `cancelled`.",
                  "After the closing frame: the response is complete, and its charge remains.",
                  "A client that reads nothing for too long is treated as disconnected.",
                ]}
              />
              <Note title="The daily free limit">
                The parts of cancelled responses that were already delivered are free up to a limit per account and UTC
                day (set by the operator; $1.00 by default). Beyond it, delivered parts are charged until the day ends.
                Otherwise, reading a response and disconnecting just before its end would be free.
              </Note>
            </>
          ),
        },
      ]}
    />
  );
}
