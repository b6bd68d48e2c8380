import Header from "@cloudscape-design/components/header";

export function Health() {
  return <Header variant="h1">Health</Header>;
}
