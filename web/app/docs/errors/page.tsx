import { Doc, docMetadata } from "@/components/docs/doc";
import { ErrorsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Listing, Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("errors");

export default function ErrorsPage() {
  return (
    <Doc
      slug="errors"
      lead="An error before the first byte costs nothing. Rely on `code`, then on `type`; messages may change."
      sections={[
        {
          id: "shape",
          title: "The shape of an error",
          body: (
            <>
              <Listing
                title="402"
                language="json"
                text={
                  '{\n  "error": {\n    "message": "...",\n    "type": "insufficient_quota",\n    "param": null,\n    "code": "insufficient_quota",\n    "needed": "0.0083365",\n    "needed_nanos": "8336500",\n    "available": "0.005",\n    "available_nanos": "5000000"\n  }\n}'
                }
              />
              <P>
                `message`, `type`, `param` and `code` are always present; some errors have additional fields. The
                message says what to do. Every response has an `x-request-id`: include it when you contact us about an
                error.
              </P>
            </>
          ),
        },
        {
          id: "handle",
          title: "Handle errors",
          body: (
            <>
              <Snippet title="Errors" files={["errors.py", "errors.mjs", "errors.sh"]} />
              <Bullets
                items={[
                  "The OpenAI SDKs retry 408, 409, 429 and 5xx automatically, unless `x-should-retry: false` is sent.",
                  "If waiting helps, `retry-after` gives the number of seconds. Every 503 has it.",
                  "A stream that has started ends with an error in the stream: see [streaming](/docs/streaming#broken).",
                ]}
              />
            </>
          ),
        },
        {
          id: "request",
          title: "400: the request",
          body: <ErrorsTable caption="Errors with status 400" from={400} to={400} />,
        },
        {
          id: "key",
          title: "401 to 403: key, money, permission",
          body: <ErrorsTable caption="Errors with status 401 to 403" from={401} to={403} />,
        },
        {
          id: "state",
          title: "404 to 422: missing resources, conflicts, size and format",
          body: <ErrorsTable caption="Errors with status 404 to 422" from={404} to={422} />,
        },
        {
          id: "rates",
          title: "429 and 431: rates and headers",
          body: <ErrorsTable caption="Errors with status 429 and 431" from={429} to={431} />,
        },
        {
          id: "server",
          title: "5xx: providers and the gateway",
          body: (
            <>
              <P>None of these errors costs anything.</P>
              <ErrorsTable caption="Errors with status 500 to 505" from={500} to={599} />
            </>
          ),
        },
      ]}
    />
  );
}
