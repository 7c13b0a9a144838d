import { describe, expect, it } from "vitest";
import type { ListedEntry } from "../../view/view.ts";
import { ListingHabit } from "./listing-habit.ts";

const entry = (name: string, kind: ListedEntry["kind"]): ListedEntry => ({ name, kind, ino: 2, mode: 0 });
const FILES = [entry("a", "directory"), entry("b", "file"), entry("c", "file")];
const FOLDERS = [entry("a", "directory")];

describe("those who list directories", () => {
  it("are told nodes as long as they look at the files", () => {
    const habit = new ListingHabit(() => 0);
    for (let directory = 1; directory < 5; directory++) {
      expect(habit.list(directory, FILES)).toEqual({ withNodes: true, except: "b" });
      habit.lookup(directory, "b");
    }
  });

  it("are told none when they do not, until they do", () => {
    const habit = new ListingHabit(() => 0);
    habit.list(1, FILES);
    habit.lookup(1, "a");
    habit.lookup(2, "b");
    expect(habit.list(2, FILES).withNodes).toBe(false);
    // What has no files tells nothing.
    expect(habit.list(3, FOLDERS)).toEqual({ withNodes: false, except: undefined });
    habit.lookup(2, "b");
    expect(habit.list(4, FILES).withNodes).toBe(true);
  });

  it("are others after a while", () => {
    let now = 0;
    const habit = new ListingHabit(() => now);
    habit.list(1, FILES);
    expect(habit.list(2, FILES).withNodes).toBe(false);
    now = 1001;
    expect(habit.list(3, FILES).withNodes).toBe(true);
  });
});
