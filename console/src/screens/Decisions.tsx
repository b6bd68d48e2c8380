import Header from "@cloudscape-design/components/header";

export function Decisions() {
  return <Header variant="h1">Decisions</Header>;
}
