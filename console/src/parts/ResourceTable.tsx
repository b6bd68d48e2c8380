import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { Fragment, isValidElement, useEffect, useMemo, useRef, type ReactNode } from "react";
import type { Fault } from "../api/fault";
import { FaultAlert } from "./FaultAlert";

export interface Column<T> {
  id: string;
  header: string;
  cell: (item: T) => ReactNode;
  // What is sorted by, and searched by where searchable.
  value?: (item: T) => string | number | Date | undefined;
  searchable?: boolean;
  width?: number;
  rowHeader?: boolean;
}

export interface ResourceTableProps<T> {
  title: string; // also the table's accessible name
  description?: ReactNode;
  variant?: "full-page" | "container" | "embedded";
  items: readonly T[] | undefined;
  id: (item: T) => string;
  columns: Column<T>[];
  loading?: boolean;
  fault?: Fault | undefined;
  reload?: (() => void) | undefined;
  noun: string; // what one row is, in the singular: "role"
  nouns?: string;
  empty?: ReactNode; // offered below "No roles": the first step
  actions?: ReactNode;
  filters?: ReactNode; // beside the search field
  selected?: readonly T[];
  onSelect?: (items: T[]) => void;
  selection?: "single" | "multi";
  pageSize?: number;
  sortBy?: string;
  descending?: boolean;
}

function compare(a: string | number | Date | undefined, b: string | number | Date | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  if (typeof a === "string" && typeof b === "string") return collator.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

// ResourceTable is the list of a screen: searched, sorted and paged here, since the
// services' lists can do none of these. Rows of one page only are in the document,
// so that 10,000 of them cost little more than 100.
export function ResourceTable<T>(props: ResourceTableProps<T>) {
  const { items, columns, noun, nouns = noun + "s", loading = false, selected, onSelect } = props;
  const searched = useMemo(() => columns.filter((c) => c.searchable && c.value), [columns]);
  const definitions = useMemo(
    () =>
      columns.map((c): TableProps.ColumnDefinition<T> => ({
        id: c.id,
        header: c.header,
        cell: c.cell,
        ...(c.rowHeader ? { isRowHeader: true } : {}),
        ...(c.width ? { minWidth: c.width } : {}),
        ...(c.value ? { sortingField: c.id, sortingComparator: (a: T, b: T) => compare(c.value?.(a), c.value?.(b)) } : {}),
      })),
    // The columns of a screen do not change while it is open.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [columns.length],
  );
  const sortColumn = definitions.find((d) => d.id === (props.sortBy ?? columns.find((c) => c.value)?.id));
  const collection = useCollection(items ?? [], {
    filtering: {
      filteringFunction: (item, text) => {
        const wanted = text.trim().toLowerCase();
        return (
          wanted === "" ||
          searched.some((c) =>
            String(c.value?.(item) ?? "")
              .toLowerCase()
              .includes(wanted),
          )
        );
      },
      empty: <Empty nouns={nouns}>{props.empty}</Empty>,
      noMatch: (
        <Box textAlign="center" padding="s">
          <SpaceBetween size="xs">
            <b>No {noun} matches</b>
            <Button onClick={() => collection.actions.setFiltering("")}>Clear filter</Button>
          </SpaceBetween>
        </Box>
      ),
    },
    sorting: sortColumn ? { defaultState: { sortingColumn: sortColumn, isDescending: props.descending ?? false } } : {},
    pagination: { pageSize: props.pageSize ?? 20 },
  });
  const total = items?.length ?? 0;
  const matches = collection.filteredItemsCount ?? total;
  const frame = useRef<HTMLDivElement>(null);
  // Cloudscape names a table that scrolls sideways only by its header; a region
  // that scrolls must be reachable by keyboard too.
  useEffect(() => {
    frame.current?.querySelectorAll("table").forEach((t) => t.setAttribute("aria-label", props.title));
  }, [props.title]);

  if (props.fault && !items) {
    return (
      <SpaceBetween size="m">
        <Header variant={props.variant === "full-page" ? "h1" : "h2"}>{props.title}</Header>
        <FaultAlert fault={props.fault} retry={props.reload} />
      </SpaceBetween>
    );
  }
  return (
    <div ref={frame} data-table={props.noun} data-loaded={items && !loading ? total : undefined}>
      <Table
        {...collection.collectionProps}
        variant={props.variant === "full-page" ? "container" : (props.variant ?? "container")}
        columnDefinitions={definitions}
        items={collection.items}
        trackBy={props.id}
        loading={loading && total === 0}
        loadingText={`Loading ${nouns}`}
        {...(props.selection && onSelect
          ? {
              selectionType: props.selection,
              selectedItems: selected ?? [],
              onSelectionChange: ({ detail }: { detail: TableProps.SelectionChangeDetail<T> }) => onSelect(detail.selectedItems),
            }
          : {})}
        ariaLabels={{
          tableLabel: props.title,
          selectionGroupLabel: `Selection of ${nouns}`,
          allItemsSelectionLabel: () => `Select all ${nouns} of this page`,
          itemSelectionLabel: (_, item) => `Select ${props.id(item)}`,
        }}
        header={
          <Header
            variant={props.variant === "full-page" ? "h1" : "h2"}
            counter={items ? (loading ? `(${total}+)` : `(${total})`) : ""}
            description={props.description}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                {props.reload && <Button iconName="refresh" ariaLabel={`Refresh ${nouns}`} loading={loading} onClick={props.reload} />}
                {parts(props.actions)}
              </SpaceBetween>
            }
          >
            {props.title}
          </Header>
        }
        filter={
          searched.length > 0 || props.filters ? (
            <SpaceBetween direction="horizontal" size="s">
              {searched.length > 0 && (
                <TextFilter
                  {...collection.filterProps}
                  filteringPlaceholder={`Find ${nouns}`}
                  filteringAriaLabel={`Find ${nouns}`}
                  filteringClearAriaLabel="Clear"
                  countText={`${matches} ${matches === 1 ? "match" : "matches"}`}
                />
              )}
              {props.filters}
            </SpaceBetween>
          ) : undefined
        }
        pagination={
          matches > (props.pageSize ?? 20) ? (
            <Pagination
              {...collection.paginationProps}
              ariaLabels={{
                paginationLabel: `Pages of ${nouns}`,
                nextPageLabel: "Next page",
                previousPageLabel: "Previous page",
                pageLabel: (n) => `Page ${n}`,
              }}
            />
          ) : undefined
        }
        empty={<Empty nouns={nouns}>{props.empty}</Empty>}
      />
      {props.fault && <FaultAlert fault={props.fault} retry={props.reload} />}
    </div>
  );
}

// parts takes the buttons out of a fragment, so that each has its space.
function parts(node: ReactNode): ReactNode {
  return isValidElement<{ children?: ReactNode }>(node) && node.type === Fragment ? node.props.children : node;
}

function Empty({ nouns, children }: { nouns: string; children?: ReactNode }) {
  return (
    <Box textAlign="center" padding="s" color="inherit">
      <SpaceBetween size="xs">
        <b>No {nouns}</b>
        {children}
      </SpaceBetween>
    </Box>
  );
}
