import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { formatObjectFilter } from "@millrace/pack";
import type {
  AdvertisedRef,
  PackRequest,
  ReceivePackHost,
  ReceivePackPolicy,
  ReceiveReport,
  ReceiveRequest,
  RefRequest,
  UploadPackHost,
  UploadPackPolicy,
} from "../../src/index.ts";
import { git, gitEnvironment, runGit } from "./git.ts";
import { deepenWithGit } from "./git-deepen.ts";

/** A host that has the git program do everything: what the protocol says can then be held against git's own. */
export function createGitHost(
  directory: string,
  policy: UploadPackPolicy & ReceivePackPolicy = {},
): UploadPackHost & ReceivePackHost {
  const objectFormat = git(directory, "rev-parse", "--show-object-format") as "sha1" | "sha256";
  const zero = "0".repeat(objectFormat === "sha1" ? 40 : 64);

  async function* listRefs(request: RefRequest = {}): AsyncGenerator<AdvertisedRef> {
    const covered = (name: string): boolean =>
      request.prefixes === undefined || request.prefixes.some((prefix) => name.startsWith(prefix));
    const head = await headState();
    if (head.oid !== undefined && covered("HEAD")) {
      yield { name: "HEAD", oid: head.oid, symref: head.symref };
    }
    const format = "%(objectname)%00%(refname)%00%(symref)%00%(*objectname)";
    for (const line of git(directory, "for-each-ref", `--format=${format}`).split("\n")) {
      const [oid = "", name = "", symref = "", peeled = ""] = line.split("\0");
      if (name === "" || !covered(name)) continue;
      yield {
        name,
        oid,
        symref: symref === "" ? undefined : symref,
        peeled: request.peel === true && peeled !== "" ? peeled : undefined,
      };
    }
  }

  async function headState(): Promise<{ symref?: string | undefined; oid?: string | undefined }> {
    const symref = runGit(directory, ["symbolic-ref", "-q", "HEAD"]).stdout.toString().trim();
    const oid = runGit(directory, ["rev-parse", "-q", "--verify", "HEAD"]).stdout.toString().trim();
    return { symref: symref === "" ? undefined : symref, oid: oid === "" ? undefined : oid };
  }

  const parentsOf = (oids: readonly string[]): string[] =>
    oids.flatMap((oid) =>
      [...git(directory, "cat-file", "-p", oid).matchAll(/^parent (.*)$/gm)].map(
        ([, parent]) => parent ?? "",
      ),
    );

  const shallowRoots = (): string[] => {
    try {
      return readFileSync(
        git(directory, "rev-parse", "--path-format=absolute", "--git-path", "shallow"),
        "utf8",
      )
        .trim()
        .split("\n");
    } catch {
      return [];
    }
  };

  async function* createPack(request: PackRequest): AsyncGenerator<Uint8Array> {
    const { clientShallow = [], shallowUpdate: update = { shallow: [], unshallow: [] } } = request;
    const changed = clientShallow.length + update.shallow.length + update.unshallow.length > 0;
    // As upload-pack has it: what the client will have ends at its roots, and below those that it gives up begins more.
    const roots = changed ? [...clientShallow, ...update.shallow, ...shallowRoots()] : [];
    const wants = [...request.wants, ...(changed ? parentsOf(update.unshallow) : [])];
    const haves = [...request.haves, ...update.unshallow];
    const filter = request.filter && `--filter=${formatObjectFilter(request.filter)}`;
    const plain = !changed && filter === undefined;
    const counted = plain
      ? git(directory, "rev-list", "--objects", ...wants, ...(haves.length > 0 ? ["--not", ...haves] : []))
      : "";
    const objects = wants.length === 0 || counted === "" ? 0 : counted.split("\n").length;
    request.onProgress?.({ phase: "enumerating", objects, done: true });
    request.onProgress?.({ phase: "counting", objects, total: objects });
    const child = spawn(
      "git",
      [
        ...(changed ? ["--shallow-file", ""] : []),
        "pack-objects",
        "--revs",
        "--stdout",
        "-q",
        ...(changed ? ["--shallow"] : []),
        ...(request.thinPack ? ["--thin"] : []),
        ...(request.ofsDelta ? ["--delta-base-offset"] : []),
        ...(request.includeTag ? ["--include-tag"] : []),
        ...(filter === undefined ? [] : [filter]),
      ],
      { cwd: directory, env: gitEnvironment, ...(request.signal && { signal: request.signal }) },
    );
    child.on("error", () => undefined);
    child.stdin.on("error", () => undefined);
    child.stdin.end([...roots.map((oid) => `--shallow ${oid}`), ...wants, "--not", ...haves, ""].join("\n"));
    try {
      for await (const chunk of child.stdout) yield chunk as Buffer;
    } finally {
      child.kill();
    }
    request.onProgress?.({ phase: "total", objects, deltas: 0, reused: 0, reusedDeltas: 0 });
  }

  async function receive(request: ReceiveRequest): Promise<ReceiveReport> {
    const unpackError = request.pack === undefined ? undefined : await takePack(directory, request);
    if (unpackError !== undefined) {
      return { unpackError, refs: request.commands.map(({ name }) => ({ name, error: "unpacker error" })) };
    }
    const messages: string[] = [];
    const apply = (commands: ReceiveRequest["commands"]): string | undefined => {
      const lines = commands.map(
        ({ name, old, new: to }) => `update ${name}\0${to ?? zero}\0${old ?? zero}\0`,
      );
      const result = runGit(directory, ["update-ref", "-z", "--stdin"], lines.join(""));
      if (result.status === 0) return undefined;
      messages.push(
        result.stderr.trim().replace(/^fatal: (update_ref failed for ref '[^']*': )?/, "error: "),
      );
      return result.stderr;
    };
    if (request.atomic) {
      const failed = apply(request.commands) !== undefined;
      const error = failed ? "atomic transaction failed" : undefined;
      return { refs: request.commands.map(({ name }) => ({ name, error })), messages };
    }
    const refs = request.commands.map((command) => ({
      name: command.name,
      error: apply([command]) === undefined ? undefined : "failed to update ref",
    }));
    return { refs, messages };
  }

  return {
    objectFormat,
    listRefs,
    head: headState,
    async hasObjects(oids) {
      const answer = runGit(directory, ["cat-file", "--batch-check"], oids.map((oid) => `${oid}\n`).join(""));
      return answer.stdout
        .toString()
        .trimEnd()
        .split("\n")
        .map((line) => !line.endsWith(" missing"));
    },
    async reachesCommon(wants, common) {
      const known = [...common, ...parentsOf(common)];
      return wants.every((want) =>
        known.some(
          (each) => runGit(directory, ["merge-base", "--is-ancestor", each, `${want}^{}`]).status === 0,
        ),
      );
    },
    policy,
    async shallowRoots() {
      return shallowRoots();
    },
    async deepen(request) {
      return deepenWithGit(directory, request);
    },
    async objectSizes(oids) {
      const answer = runGit(directory, ["cat-file", "--batch-check=%(objectsize)"], `${oids.join("\n")}\n`);
      const lines = answer.stdout.toString().trimEnd().split("\n");
      return lines.map((line) => (line.endsWith(" missing") ? undefined : Number(line)));
    },
    async areReachable(oids) {
      const reachable = new Set(
        git(directory, "rev-list", "--objects", "--all")
          .split("\n")
          .map((line) => line.slice(0, oids[0]?.length)),
      );
      return oids.map((oid) => reachable.has(oid));
    },
    createPack,
    receive,
    async [Symbol.asyncDispose]() {},
  };
}

/** Feeds git's own unpacker, which knows where a pack ends, and stops reading when it does. */
function takePack(directory: string, request: ReceiveRequest): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["index-pack", "--stdin", "--fix-thin", "--strict"], {
      cwd: directory,
      env: gitEnvironment,
      stdio: ["pipe", "ignore", "ignore"],
    });
    const pack = request.pack?.[Symbol.asyncIterator]();
    child.stdin.on("error", () => undefined);
    child.on("error", reject);
    const feed = async (): Promise<void> => {
      for (;;) {
        const next = await pack?.next();
        if (next === undefined || next.done === true) break;
        if (child.exitCode !== null) break;
        await new Promise<void>((taken) => child.stdin.write(next.value, () => taken()));
      }
      child.stdin.end();
    };
    feed().catch((error: unknown) => {
      child.kill();
      reject(error instanceof Error ? error : new Error(String(error)));
    });
    child.on("close", (status) => {
      resolve(status === 0 ? undefined : "index-pack abnormal exit");
    });
  });
}
