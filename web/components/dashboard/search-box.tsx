"use client";

import { Search } from "lucide-react";
import { useRouter } from "next/navigation";
import { type FormEvent, useState } from "react";
import { INPUT } from "../ui/field";

/** Any id: of a request, an answer, a key, a checkout, a payment. */
export function SearchBox() {
  const router = useRouter();
  const [text, setText] = useState("");
  const go = (event: FormEvent) => {
    event.preventDefault();
    const id = text.trim();
    if (id) router.push(`/dashboard/requests?request=${encodeURIComponent(id)}`);
  };
  return (
    <search>
      <form onSubmit={go} className="relative max-w-md">
        <Search aria-hidden="true" className="pointer-events-none absolute top-3 left-3 size-4 text-muted" />
        <input
          type="search"
          aria-label="Find any id"
          placeholder="Find any id"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className={`${INPUT} pl-9`}
        />
      </form>
    </search>
  );
}
