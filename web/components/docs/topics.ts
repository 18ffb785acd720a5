// The documentation's topics, in order.

export type Topic = { slug: string; title: string; description: string };
export type Group = { title: string; topics: Topic[] };

export const GROUPS: Group[] = [
  {
    title: "Start",
    topics: [
      {
        slug: "",
        title: "Quickstart",
        description: "Point your OpenAI client at Realrouter: base URL, key, first call.",
      },
      { slug: "endpoints", title: "Endpoints", description: "Responses, chat completions, models and files." },
      { slug: "tools", title: "Tools and modalities", description: "The tools and kinds of input that are supported." },
    ],
  },
  {
    title: "Guides",
    topics: [
      {
        slug: "web-search",
        title: "Web search",
        description: "Let a model search the web, and see what a search costs.",
      },
      { slug: "function-calling", title: "Function calling", description: "Stateless function calls in two requests." },
      { slug: "files", title: "PDF and file input", description: "Upload a PDF once and use it in requests." },
      { slug: "images", title: "Image generation", description: "Generate images with the image_generation tool." },
      { slug: "streaming", title: "Streaming", description: "Events as they are generated, and how a stream ends." },
      { slug: "cancellation", title: "Cancellation", description: "Close the connection: the hold is released." },
    ],
  },
  {
    title: "Money",
    topics: [
      { slug: "billing", title: "Billing model", description: "Hold, charge, return: exactly what a request costs." },
      {
        slug: "receipts",
        title: "Receipts and exports",
        description: "Every charge, line by line; monthly statements; exports for other programs.",
      },
      { slug: "idempotency", title: "Idempotency", description: "Retry without a second charge." },
    ],
  },
  {
    title: "Reference",
    topics: [
      { slug: "errors", title: "Errors", description: "Every error code, what it means, and what to do about it." },
      {
        slug: "limits",
        title: "Limits and headers",
        description: "Rates, budgets, sizes, and the headers that report them.",
      },
      { slug: "account-api", title: "Account API", description: "Balance, usage, transactions and keys over HTTP." },
      {
        slug: "deployment",
        title: "Website deployment",
        description: "Host this website on the gateway or elsewhere.",
      },
    ],
  },
];

export const TOPICS: Topic[] = GROUPS.flatMap((group) => group.topics);

export function hrefOf(topic: Topic): string {
  return topic.slug ? `/docs/${topic.slug}` : "/docs";
}

/** A topic and its neighbours. Throws if it is not listed. */
export function topicOf(slug: string): { topic: Topic; before: Topic | undefined; after: Topic | undefined } {
  const at = TOPICS.findIndex((topic) => topic.slug === slug);
  const topic = TOPICS[at];
  if (!topic) throw new Error(`no topic ${slug}`);
  return { topic, before: TOPICS[at - 1], after: TOPICS[at + 1] };
}
