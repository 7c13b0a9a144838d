import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concealSecrets } from "./secrets.ts";

describe("a text that is shown", () => {
  test.each<readonly [said: string, shown: string]>([
    [
      "fatal: unable to access 'https://me:hunter2@example.com/a/b.git/': no; ssh://git@host/x",
      "fatal: unable to access 'https://example.com/a/b.git/': no; ssh://git@host/x",
    ],
    ["https://hunter2@example.com", "https://example.com"],
    [
      "at https://h/x.git/info/refs?service=git-upload-pack&token=hunter2: no",
      "at https://h/x.git/info/refs no",
    ],
    ["https://h/x#hunter2", "https://h/x"],
    ["s3://b/x?layout=bare: none; s3://b/x?token=hunter2", "s3://b/x?layout=bare: none; s3://b/x"],
    ["ssh://git:hunter2@h/x, ssh://git@h/x", "ssh://h/x, ssh://git@h/x"],
    ["https://me:hunter/2@h/x", "https://h/x"],
    // It was cut off in the password.
    ["cloning https://me:hunter2", "cloning https://***"],
    ["https:/me:hunter2@h/x, https//hunter2@h/x", "https:/***@h/x, https//***@h/x"],
    ["'me:hunter2@h/x' does not exist; me:hunter2@h:x", "'***@h/x' does not exist; ***@h:x"],
    ["https://h:8080/x, https://[::1]:80/x", "https://h:8080/x, https://[::1]:80/x"],
    [
      "token=hunter2 GIT_PASSWORD=\"hunter 2\" x-api-key='hunter2'",
      "token=*** GIT_PASSWORD=*** x-api-key=***",
    ],
    ["Authorization: Basic aHVudGVyMg==", "Authorization: Basic ***"],
    // These are none.
    ["git@h:team/x.git, h:x.git@feature/y, h:x@main", "git@h:team/x.git, h:x.git@feature/y, h:x@main"],
    ["file:///a@b/x?y", "file:///a@b/x"],
    [
      "WIP on main:stash@{0}: key=value; Basic authentication",
      "WIP on main:stash@{0}: key=value; Basic authentication",
    ],
  ])("%s", (said, shown) => {
    expect(concealSecrets(said)).toBe(shown);
  });

  test("has no password of a URL, whatever is around it", () => {
    const word = fc.stringMatching(/^[a-z0-9.-]{1,12}$/);
    const around = fc.constantFrom("", " ", "'", '"', "(", "\n", "at ", "x=");
    fc.assert(
      fc.property(
        around,
        fc.constantFrom("http", "https", "ssh", "git", "s3"),
        word,
        fc.stringMatching(/^Q[A-Za-z0-9:!$%&*+,;=._~-]{1,20}Q$/),
        word,
        around,
        (before, scheme, user, secret, host, behind) => {
          const shown = concealSecrets(`${before}${scheme}://${user}:${secret}@${host}/x${behind}`);
          expect(shown).not.toContain(secret);
          expect(shown).toContain(host);
        },
      ),
    );
  });

  test("may be long", () => {
    for (const part of ["a", "a:", "a-", "token", "https:/", "https://a:"]) {
      const said = part.repeat(1 << 13);
      expect(concealSecrets(said).length).toBeLessThanOrEqual(said.length);
    }
  });
});
