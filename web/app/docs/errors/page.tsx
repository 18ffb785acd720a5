import { Doc, docMetadata } from "@/components/docs/doc";
import { ErrorsTable } from "@/components/docs/facts";
import { Bullets, P } from "@/components/docs/prose";
import { Listing, Snippet } from "@/components/docs/snippet";

export const metadata = docMetadata("errors");

export default function ErrorsPage() {
  return (
    <Doc
      slug="errors"
      lead="An error before the first byte has cost nothing. Code against `code`, then `type`; messages may change."
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
                `message`, `type`, `param` and `code` are always there; some errors have members beside them. The
                message says what to do. Every answer has an `x-request-id`: give it when you ask about one.
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
                  "The OpenAI SDKs retry 408, 409, 429 and 5xx by themselves, unless `x-should-retry: false` is sent.",
                  "Where a wait helps, `retry-after` says how many seconds. Every 503 has it.",
                  "A stream that has begun ends in an error of its own: see [streaming](/docs/streaming#broken).",
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
          title: "404 to 422: what is there, and its size",
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
              <P>None of these has cost anything.</P>
              <ErrorsTable caption="Errors with status 500 to 505" from={500} to={599} />
            </>
          ),
        },
      ]}
    />
  );
}
