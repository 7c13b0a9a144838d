import { describe, expect, it } from "vitest";
import { requiredWords } from "./required-words.ts";

describe("the words that an expression cannot do without", () => {
  it.each<[RegExp, readonly string[] | undefined]>([
    [/todo|fixme/, ["todo", "fixme"]],
    [/import .* from/, ["import "]],
    [/^export (default )?(class|function)\b/, ["export "]],
    [/(ab|cd)ef/, ["abef", "cdef"]],
    [/(?<name>ab)(?:cd|e)\k<name>/, ["abcd", "abe"]],
    [/colou?r/, ["colo"]],
    [/ab+cde/, ["cde"]],
    [/(abc)+x/, ["abc"]],
    [/(abc){0,2}de/, ["de"]],
    [/(abc){2}/, ["abc"]],
    [/a\.b\(/, ["a.b("]],
    [/a\nbcd/, ["bcd"]],
    [/foo(?=bar)|foo(?!baz)/, ["foo"]],
    [/(?<=x)abc(?<!y)/, ["abc"]],
    [/ab[cd]ef[^]]gh/, ["]gh"]],
    [/naïve/, ["na"]],
    [/x{a/, ["x{a"]],
    [/sack/iu, ["ac"]],
    [/sack/i, ["sack"]],
    [/abc|d*/, undefined],
    [/abc|/, undefined],
    [/a|bcd/, undefined],
    [/[abc]+/, undefined],
    [/(?:)/, undefined],
    [new RegExp(String.raw`foo\p{a|b}`), ["foo", "b}"]],
    [new RegExp(String.raw`\u{3}abc`), ["abc"]],
    [/a?b?c?d?/, undefined],
    [/[ab]{3}xyz|[\]]uvw/, ["xyz", "uvw"]],
  ])("of %s", (expression, words) => {
    expect(requiredWords(expression)).toEqual(words);
  });

  it("are not read out of what is not understood", () => {
    expect(requiredWords(new RegExp("[[abc]--[b]]def", "v"))).toBeUndefined();
    expect(requiredWords(/\(?ab:cde/)).toBeUndefined();
  });
});
