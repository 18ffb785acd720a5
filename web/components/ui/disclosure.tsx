import { clsx } from "clsx";
import { ChevronRight } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";

type DisclosureProps = ComponentProps<"details"> & { title: ReactNode; titleClass?: string };

/** Content that is shown on request. */
export function Disclosure({ title, titleClass, className, children, ...rest }: DisclosureProps) {
  return (
    <details {...rest} className={clsx("group", className)}>
      <summary className={clsx("flex items-center gap-2 rounded-lg", titleClass)}>
        <ChevronRight
          aria-hidden="true"
          className="size-4 shrink-0 text-muted transition-transform group-open:rotate-90"
        />
        {title}
      </summary>
      {children}
    </details>
  );
}
