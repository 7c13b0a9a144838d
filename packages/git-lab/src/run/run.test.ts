import { expect, test } from "vitest";
import { run, runSync } from "./run.ts";

const both = [
  ["blocking", async (...given: Parameters<typeof runSync>) => runSync(...given)],
  ["waiting", run],
] as const;

test.each(both)("a program has its words, environment, folder and input, %s", async (_, runs) => {
  const script = 'printf "%s|" "$@"; printf "%s|" "$OWN" "${HOME-none}" "$(pwd)"; cat; echo said >&2; exit 3';
  const words = ["it's", "two\nlines", "$HOME `x` \\", ""];
  const env = { PATH: process.env["PATH"], OWN: "a 'b'\nc" };
  const { status, stdout, stderr } = await runs("sh", ["-c", script, "sh", ...words], {
    cwd: "/usr",
    env,
    input: "read\0this",
  });
  expect(stdout.toString()).toBe(`${words.join("|")}|a 'b'\nc|none|/usr|read\0this`);
  expect([status, stderr.toString()]).toEqual([3, "said\n"]);
});

test.each(both)(
  "a program that a signal ends has its number, and one that cannot be started is an error, %s",
  async (_, runs) => {
    expect((await runs("sh", ["-c", "kill -9 $$"])).status).toBe(137);
    await expect(async () => await runs("there-is-no-such-program", [])).rejects.toThrow("not found");
    await expect(async () => await runs("true", [], { cwd: "/there/is/none" })).rejects.toThrow(
      "/there/is/none",
    );
    expect((await runs("sh", ["-c", "exit 127"])).status).toBe(127);
  },
);

test("a program has the umask of this moment", () => {
  const before = process.umask(0o027);
  try {
    expect(runSync("sh", ["-c", "umask"]).stdout.toString()).toBe("0027\n");
    process.umask(0o007);
    expect(runSync("sh", ["-c", "umask"]).stdout.toString()).toBe("0007\n");
  } finally {
    process.umask(before);
  }
});

test.each(both)("a program that takes too long is killed, %s", async (_, runs) => {
  expect((await runs("sleep", ["60"], { timeoutMs: 100 })).status).toBe(137);
});

test("programs run side by side", async () => {
  const numbers = Array.from({ length: 40 }, (_, n) => n);
  const said = await Promise.all(numbers.map((n) => run("sh", ["-c", `sleep 0.0${n % 7}; echo ${n}`])));
  expect(said.map(({ stdout }) => Number(stdout.toString()))).toEqual(numbers);
});
