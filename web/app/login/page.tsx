import type { Metadata } from "next";
import { AuthFrame } from "@/components/auth/frame";
import { LoginForm } from "@/components/auth/login-form";
import { Providers } from "@/components/providers";
import { Link } from "@/components/ui/link";

export const metadata: Metadata = { title: "Sign in", description: "Sign in to see your balance, requests and keys." };

export default function LoginPage() {
  return (
    <AuthFrame
      title="Sign in"
      intro="See your balance, requests and keys."
      below={
        <>
          No account yet?{" "}
          <Link href="/signup" className="font-medium text-accent underline">
            Sign up
          </Link>
        </>
      }
    >
      <Providers>
        <LoginForm />
      </Providers>
    </AuthFrame>
  );
}
