"use client";

import { Component, type ReactNode } from "react";

type GuardProps = { fallback: ReactNode; children: ReactNode };

/** Keeps what is around a part that fails, as where its code cannot be fetched any more. */
export class Guard extends Component<GuardProps, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}
