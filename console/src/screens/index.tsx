import type { ReactNode } from "react";
import type { Session } from "../api/session";
import type { Route } from "../route";
import { Access } from "./Access";
import { BucketScreen, Buckets } from "./Buckets";
import { DecisionScreen, TryToken } from "./Decision";
import { Decisions } from "./Decisions";
import { Health } from "./Health";
import { Home, NotFound } from "./Home";
import { CreatePolicy, PolicyScreen } from "./Policy";
import { Policies } from "./Policies";
import { CreateProvider, ProviderScreen, Providers } from "./Providers";
import { CreateRole } from "./RoleWizard";
import { RoleScreen } from "./Role";
import { Roles } from "./Roles";
import { CreateSecret, SecretScreen, Secrets } from "./Secrets";
import { UserScreen, Users } from "./Users";

// The sections of the side navigation, in the order of the tutorial's walk.
export const sections = [
  { group: "access", path: "providers", text: "Identity providers" },
  { group: "access", path: "policies", text: "Policies" },
  { group: "access", path: "roles", text: "Roles" },
  { group: "access", path: "users", text: "Users" },
  { group: "resources", path: "secrets", text: "Secrets" },
  { group: "resources", path: "buckets", text: "Buckets" },
  { group: "insight", path: "decisions", text: "Decisions" },
  { group: "insight", path: "access", text: "Access" },
  { group: "insight", path: "health", text: "Health" },
];

export interface Screen {
  title: string;
  render: (route: Route, session: Session) => ReactNode;
}

type Make = (name: string, route: Route) => Screen;

// For each section its list, what creates one, and one by its name. "create" as a
// second part is the form; a resource of that name is reached as .../view/create.
const screens: Record<string, { list: Screen; create?: Screen; one?: Make }> = {
  providers: {
    list: { title: "Identity providers", render: () => <Providers /> },
    create: { title: "Add an identity provider", render: () => <CreateProvider /> },
    one: (arn) => ({ title: arn.replace(/^.*oidc-provider\//, ""), render: () => <ProviderScreen arn={arn} /> }),
  },
  policies: {
    list: { title: "Policies", render: () => <Policies /> },
    create: { title: "Create policy", render: () => <CreatePolicy /> },
    one: (arn) => ({ title: arn.replace(/^.*\//, ""), render: () => <PolicyScreen arn={arn} /> }),
  },
  roles: {
    list: { title: "Roles", render: () => <Roles /> },
    create: {
      title: "Create role",
      render: (route, session) => <CreateRole provider={route.query.get("provider") ?? ""} account={session.account} />,
    },
    one: (name) => ({ title: name, render: () => <RoleScreen name={name} /> }),
  },
  users: {
    list: { title: "Users", render: () => <Users /> },
    one: (name) => ({ title: name, render: () => <UserScreen name={name} /> }),
  },
  secrets: {
    list: { title: "Secrets", render: () => <Secrets /> },
    create: { title: "Store a new secret", render: () => <CreateSecret /> },
    one: (id) => ({ title: id.replace(/^.*:secret:/, ""), render: () => <SecretScreen id={id} /> }),
  },
  buckets: {
    list: { title: "Buckets", render: () => <Buckets /> },
    one: (name, route) => ({ title: name, render: () => <BucketScreen name={name} prefix={route.query.get("prefix") ?? ""} /> }),
  },
  decisions: {
    list: { title: "Decisions", render: () => <Decisions /> },
    create: { title: "Try a token", render: (route) => <TryToken role={route.query.get("role") ?? ""} /> },
    one: (id) => ({ title: id, render: () => <DecisionScreen id={id} /> }),
  },
  access: { list: { title: "Access", render: (route) => <Access role={route.query.get("role") ?? ""} /> } },
  health: { list: { title: "Health", render: () => <Health /> } },
};

export function screenOf(route: Route): Screen {
  const [section = "", second, third] = route.path;
  if (section === "") return { title: "Daypass", render: () => <Home /> };
  const screen = screens[section];
  if (screen && second === undefined) return screen.list;
  if (screen && second === (section === "decisions" ? "try" : "create") && third === undefined && screen.create) return screen.create;
  if (screen?.one && second === "view" && third !== undefined) return screen.one(third, route);
  return { title: "Not found", render: () => <NotFound /> };
}
