import AppLayout from "@cloudscape-design/components/app-layout";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { useEffect, useRef, useState } from "react";
import { chooseRegion, region, regions } from "./api/region";
import type { Session } from "./api/session";
import type { Appearance, useAppearance } from "./appearance";
import { Boundary } from "./parts/Boundary";
import { Flashes } from "./parts/flash";
import { href, parseRoute, useHash } from "./route";
import { screenOf, sections } from "./screens";

const looks: { id: Appearance; text: string }[] = [
  { id: "system", text: "As the system" },
  { id: "light", text: "Light" },
  { id: "dark", text: "Dark" },
];

// Shell is the frame of all screens.
export function Shell({ session, look, onSignOut }: { session: Session; look: ReturnType<typeof useAppearance>; onSignOut: () => void }) {
  const hash = useHash();
  const route = parseRoute(hash);
  const [navigationOpen, setNavigationOpen] = useState(window.innerWidth > 900);
  const screen = screenOf(route);
  const section = sections.find((s) => s.path === route.path[0]);
  const title = screen.title;
  const first = useRef(true);
  const [place, setPlace] = useState(region);

  // A change of the route moves the focus to the heading of the new screen, so that
  // keyboard and screen reader go on there.
  useEffect(() => {
    document.title = `${title} – Daypass`;
    if (first.current) {
      first.current = false;
      return;
    }
    if (window.innerWidth <= 900) setNavigationOpen(false);
    window.scrollTo(0, 0);
    const frame = requestAnimationFrame(() => {
      const heading = document.querySelector<HTMLElement>("#content h1");
      heading?.setAttribute("tabindex", "-1");
      heading?.focus({ preventScroll: true });
    });
    return () => cancelAnimationFrame(frame);
  }, [hash, title]);

  const crumbs = [
    { text: "Daypass", href: href() },
    ...(section ? [{ text: section.text, href: href(section.path) }] : []),
    ...(route.path.length > 1 ? [{ text: title, href: hash }] : []),
  ];
  return (
    <>
      <div id="top">
        <TopNavigation
          identity={{ href: href(), title: "Daypass", logo: { src: "icon.svg", alt: "" } }}
          utilities={[
            {
              type: "menu-dropdown",
              text: place,
              ariaLabel: `Region ${place}`,
              items: regions.map((r) => ({ id: r, text: r, itemType: "checkbox" as const, checked: r === place })),
              onItemClick: ({ detail }) => {
                chooseRegion(detail.id);
                setPlace(detail.id);
              },
            },
            {
              type: "menu-dropdown",
              iconName: "settings",
              ariaLabel: "Settings",
              title: "Settings",
              items: [
                {
                  id: "looks",
                  text: "Appearance",
                  items: looks.map((l) => ({ id: l.id, text: l.text, itemType: "checkbox" as const, checked: l.id === look.appearance })),
                },
              ],
              onItemClick: ({ detail }) => look.choose(detail.id as Appearance),
            },
            {
              type: "menu-dropdown",
              iconName: "user-profile",
              text: nameOf(session.arn),
              description: session.arn,
              ariaLabel: `Signed in as ${session.arn}`,
              items: [
                { id: "account", text: `Account ${session.account}`, disabled: true },
                { id: "sign-out", text: "Sign out" },
              ],
              onItemClick: ({ detail }) => detail.id === "sign-out" && onSignOut(),
            },
          ]}
          i18nStrings={{
            overflowMenuTriggerText: "More",
            overflowMenuTitleText: "All",
            overflowMenuBackIconAriaLabel: "Back",
            overflowMenuDismissIconAriaLabel: "Close menu",
          }}
        />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationOpen={navigationOpen}
        onNavigationChange={({ detail }) => setNavigationOpen(detail.open)}
        ariaLabels={{
          navigation: "Side navigation",
          navigationClose: "Close side navigation",
          navigationToggle: "Open side navigation",
          notifications: "Messages",
        }}
        navigation={
          <SideNavigation
            header={{ text: "Daypass", href: href() }}
            activeHref={section ? href(section.path) : href()}
            items={[
              { type: "section", text: "Access management", items: linksOf("access") },
              { type: "section", text: "Resources", items: linksOf("resources") },
              { type: "section", text: "Insight", items: linksOf("insight") },
            ]}
          />
        }
        breadcrumbs={<BreadcrumbGroup items={crumbs} ariaLabel="Breadcrumbs" />}
        notifications={<Flashes />}
        stickyNotifications
        content={
          <div id="content" data-screen={route.path.join("/")}>
            <Boundary key={hash + place}>{screen.render(route, session)}</Boundary>
          </div>
        }
      />
    </>
  );
}

function linksOf(group: string) {
  return sections.filter((s) => s.group === group).map((s) => ({ type: "link" as const, text: s.text, href: href(s.path) }));
}

function nameOf(arn: string): string {
  return arn.endsWith(":root") ? "root" : arn.slice(arn.indexOf("/") + 1);
}
