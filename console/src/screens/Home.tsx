import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { href } from "../route";

const steps = [
  {
    text: "Add the identity provider",
    detail: "The URL of your GitLab or GitHub and the audience of its ID tokens.",
    to: href("providers", "create"),
    action: "Add provider",
  },
  {
    text: "Create a policy",
    detail: "What a job may do, as JSON. The AWS managed policies are there already.",
    to: href("policies", "create"),
    action: "Create policy",
  },
  {
    text: "Create a role",
    detail: "Which jobs may assume it, by group, project, branch or tag; and the policies that they get.",
    to: href("roles", "create"),
    action: "Create role",
  },
];

// Home is the tutorial's walk, in its order.
export function Home() {
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="A CI job's OIDC token is traded for temporary credentials under a role. Three steps set it up.">
        Daypass
      </Header>
      <Container header={<Header variant="h2">Set up OpenID Connect for your jobs</Header>}>
        <SpaceBetween size="l">
          {steps.map((s, i) => (
            <SpaceBetween key={s.to} size="xs">
              <Box variant="h3">
                {i + 1}. {s.text}
              </Box>
              <Box>{s.detail}</Box>
              <Button href={s.to}>{s.action}</Button>
            </SpaceBetween>
          ))}
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">When a job is denied</Header>}>
        <Link href={href("decisions")}>Decisions</Link> shows each exchange and each request with the reason, the statement that decided and
        the smallest fix.
      </Container>
    </SpaceBetween>
  );
}

export function NotFound() {
  return (
    <SpaceBetween size="m">
      <Header variant="h1">Not found</Header>
      <Box>
        There is no such screen. <Link href={href()}>Go to the start</Link>
      </Box>
    </SpaceBetween>
  );
}
