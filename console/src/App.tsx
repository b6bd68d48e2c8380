import Box from "@cloudscape-design/components/box";
import Spinner from "@cloudscape-design/components/spinner";
import { useCallback, useEffect, useState } from "react";
import { asFault, type Fault } from "./api/fault";
import { onSignedOut } from "./api/http";
import { currentSession, signOut, type Session } from "./api/session";
import { useAppearance } from "./appearance";
import { clearFlashes } from "./parts/flash";
import { Shell } from "./Shell";
import { SignIn, SignInAgain } from "./SignIn";

type State = { at: "asking" } | { at: "out"; notice?: string; fault?: Fault } | { at: "in"; session: Session; over: boolean };

// App knows who is signed in. A session that ends while a screen is open leaves the
// screen, and what was typed there, as it is: one signs in again above it.
export function App() {
  const look = useAppearance();
  const [state, setState] = useState<State>({ at: "asking" });

  useEffect(() => {
    onSignedOut(() => setState((s) => (s.at === "in" ? { ...s, over: true } : s)));
    currentSession().then(
      (session) => setState({ at: "in", session, over: false }),
      (thrown: unknown) => {
        const fault = asFault(thrown);
        setState(fault.status === 401 ? { at: "out" } : { at: "out", fault });
      },
    );
  }, []);

  const enter = useCallback((session: Session) => {
    if (location.hash.startsWith("#/sign-in/")) location.hash = "";
    setState({ at: "in", session, over: false });
  }, []);
  const leave = useCallback(() => {
    const out = (notice: string) => {
      clearFlashes();
      setState({ at: "out", notice });
    };
    signOut().then(
      () => out("You are signed out."),
      (thrown: unknown) => out(`The server did not confirm that you are signed out: ${asFault(thrown).message}`),
    );
  }, []);

  switch (state.at) {
    case "asking":
      return (
        <Box textAlign="center" padding="xxxl">
          <Spinner size="large" /> <span role="status">Loading</span>
        </Box>
      );
    case "out":
      return <SignIn notice={state.notice} fault={state.fault} onSignIn={enter} />;
    case "in":
      return (
        <>
          <Shell key={state.session.arn + state.session.userId} session={state.session} look={look} onSignOut={leave} />
          {state.over && <SignInAgain onSignIn={enter} onLeave={leave} />}
        </>
      );
  }
}
