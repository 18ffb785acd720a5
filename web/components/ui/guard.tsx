"use client";

import { Component, type ReactNode } from "react";

type GuardProps = { fallback: ReactNode; children: ReactNode };

/** An error boundary: shows `fallback` if a part of the page fails, for example if its code can no longer be fetched. */
export class Guard extends Component<GuardProps, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}
