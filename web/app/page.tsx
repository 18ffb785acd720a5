import { ArrowLeftRight, Ban, Layers, ReceiptText, ShieldCheck, Waypoints } from "lucide-react";
import type { Metadata } from "next";
import { TwoLineChange } from "@/components/landing-change";
import { MoneyFigure } from "@/components/money-figure";
import { SiteFooter } from "@/components/site-footer";
import { SiteHeader } from "@/components/site-header";
import { LinkButton } from "@/components/ui/button";

export const metadata: Metadata = {
  title: { absolute: "Realrouter: model calls from a prepaid balance" },
  description:
    "An OpenAI-compatible gateway that sells model calls from a prepaid balance. Change the base URL and the key, and keep your client code.",
};

const QUALITIES = [
  {
    icon: ShieldCheck,
    title: "No overdraft, at any concurrency",
    text: "Every request holds the most it can cost before a provider is called. The ledger's database decides on each hold, across any number of processes.",
  },
  {
    icon: ReceiptText,
    title: "Every charge provable",
    text: "Every hold, charge and release is an event in an append-only log. A request's cost lines are exact, and every balance can be recomputed from the events alone.",
  },
  {
    icon: Layers,
    title: "Nothing unbilled, nothing billed twice",
    text: "A complete response is sent only once its charge is durable. Requests that fail, break or are refused cost nothing, and every hold ends in exactly one charge or release.",
  },
  {
    icon: Ban,
    title: "Cancel and pay nothing",
    text: "Close the connection: the provider's stream is closed at once and the hold is released. A daily limit, explained in the docs, prevents abuse.",
  },
  {
    icon: ArrowLeftRight,
    title: "Both protocols",
    text: "Responses and chat completions, streaming or not, with every model. Parameters that a provider does not support are rejected by name, never silently dropped.",
  },
  {
    icon: Waypoints,
    title: "Any vendor",
    text: "OpenAI, Anthropic, Gemini, or any server that speaks chat completions. A model can have several: until the first byte, the next one takes over if one fails.",
  },
];

export default function Home() {
  return (
    <div className="flex min-h-dvh flex-col">
      <SiteHeader />
      <main id="main" tabIndex={-1} className="mx-auto w-full max-w-7xl flex-1 px-4 outline-none sm:px-6">
        <div className="grid items-center gap-10 py-14 lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)] lg:gap-16 lg:py-24">
          <div className="space-y-6">
            <h1 className="text-4xl font-semibold tracking-tight text-balance sm:text-5xl">
              Point your OpenAI client at Realrouter.
            </h1>
            <p className="max-w-xl text-lg text-pretty text-muted">
              An OpenAI-compatible gateway that sells model calls from a prepaid balance, with a ledger in which you can
              check every charge.
            </p>
            <div className="flex flex-wrap gap-3">
              <LinkButton href="/signup">Sign up</LinkButton>
              <LinkButton href="/docs" look="secondary">
                Read the docs
              </LinkButton>
              <LinkButton href="/login" look="quiet">
                Sign in
              </LinkButton>
            </div>
          </div>
          <section aria-labelledby="change" className="min-w-0 space-y-3">
            <h2 id="change" className="font-medium">
              Change the base URL and the key. Nothing else.
            </h2>
            <TwoLineChange />
          </section>
        </div>
        <section aria-labelledby="money" className="space-y-6 border-t py-14 lg:py-20">
          <div className="max-w-2xl space-y-2">
            <h2 id="money" className="text-2xl font-semibold tracking-tight">
              How a request's money moves
            </h2>
            <p className="text-pretty text-muted">
              Realrouter holds it before the call, charges for what the response used, and returns the rest. These are
              the exact figures of one request.
            </p>
          </div>
          <MoneyFigure />
        </section>
        <section aria-labelledby="apart" className="border-t py-14 lg:py-20">
          <h2 id="apart" className="text-2xl font-semibold tracking-tight">
            What Realrouter promises
          </h2>
          <ul className="mt-8 grid gap-x-10 gap-y-10 sm:grid-cols-2 lg:grid-cols-3">
            {QUALITIES.map(({ icon: Icon, title, text }) => (
              <li key={title}>
                <Icon aria-hidden="true" className="size-5 text-accent" />
                <h3 className="mt-3 font-medium">{title}</h3>
                <p className="mt-1.5 text-sm text-pretty text-muted">{text}</p>
              </li>
            ))}
          </ul>
        </section>
        <section
          aria-labelledby="begin"
          className="mb-16 flex flex-wrap items-center justify-between gap-6 rounded-2xl border bg-surface px-6 py-8 sm:px-8"
        >
          <div>
            <h2 id="begin" className="text-xl font-semibold tracking-tight">
              Start with one request
            </h2>
            <p className="mt-1 text-muted">Create a key, run the quickstart, and read its receipt.</p>
          </div>
          <div className="flex flex-wrap gap-3">
            <LinkButton href="/signup">Sign up</LinkButton>
            <LinkButton href="/models" look="secondary">
              Models and prices
            </LinkButton>
          </div>
        </section>
      </main>
      <SiteFooter />
    </div>
  );
}
