import type { Metadata } from "next";
import { AuthFrame } from "@/components/auth/frame";
import { SignupForm } from "@/components/auth/signup-form";
import { Providers } from "@/components/providers";
import { Link } from "@/components/ui/link";

export const metadata: Metadata = {
  title: "Sign up",
  description: "An account with a prepaid balance for model calls.",
};

export default function SignupPage() {
  return (
    <AuthFrame
      title="Sign up"
      intro="Get an account with a prepaid balance. You pay only for completed responses."
      below={
        <>
          Already have an account?{" "}
          <Link href="/login" className="font-medium text-accent underline">
            Sign in
          </Link>
        </>
      }
    >
      <Providers>
        <SignupForm />
      </Providers>
    </AuthFrame>
  );
}
