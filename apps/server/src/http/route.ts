/** The two services of smart HTTP (gitprotocol-http). */
export type Service = "git-upload-pack" | "git-receive-pack";

/** What a URL asks for. */
export type Route =
  | { readonly kind: "info-refs"; readonly repository: string; readonly service: string | undefined }
  | { readonly kind: "rpc"; readonly repository: string; readonly service: Service };

const RPC_SERVICES: ReadonlySet<string> = new Set<Service>(["git-upload-pack", "git-receive-pack"]);

/**
 * Finds the repository and the service in a request's target. The path is taken apart by hand, since URL parsers
 * resolve `..` before anyone can refuse it. `undefined`: no route, or a path that no repository may have.
 */
export function findRoute(target: string): Route | undefined {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  const segments = decodeSegments(path);
  if (segments === undefined) return undefined;
  const last = segments.pop() as string;
  if (RPC_SERVICES.has(last)) {
    return segments.length === 0
      ? undefined
      : { kind: "rpc", repository: segments.join("/"), service: last as Service };
  }
  if (last !== "refs" || segments.pop() !== "info" || segments.length === 0) return undefined;
  const service = query < 0 ? null : new URLSearchParams(target.slice(query + 1)).get("service");
  return { kind: "info-refs", repository: segments.join("/"), service: service ?? undefined };
}

function decodeSegments(path: string): string[] | undefined {
  if (!path.startsWith("/")) return undefined;
  const segments: string[] = [];
  for (const raw of path.slice(1).split("/")) {
    const segment = decodeSegment(raw);
    if (segment === undefined) return undefined;
    segments.push(segment);
  }
  return segments;
}

/** One path segment, decoded; `undefined` where it is empty, a dot name, or hides a separator or a control character. */
function decodeSegment(raw: string): string | undefined {
  let segment: string;
  try {
    segment = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  if (segment === "" || segment === "." || segment === "..") return undefined;
  // oxlint-disable-next-line no-control-regex
  return /[/\\\u0000-\u001f\u007f]/.test(segment) ? undefined : segment;
}
