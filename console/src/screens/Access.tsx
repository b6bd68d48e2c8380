import Header from "@cloudscape-design/components/header";

export function Access() {
  return <Header variant="h1">Access</Header>;
}
