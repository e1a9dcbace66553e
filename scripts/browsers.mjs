// The browsers of npm run test:browsers: where each is found, what it must be able to do, how it opens a page.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { start } from "./child.mjs";
import { chromium, onPath } from "./programs.mjs";

const list = (folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []);

/** MiniBrowser is in no folder of the path but in one named after the API's version, below /usr/libexec or /usr/lib/TRIPLET. */
function miniBrowser() {
  const folders = ["/usr/libexec", "/usr/lib", ...list("/usr/lib").filter((path) => /-gnu\w*$/.test(path))].flatMap(
    list,
  );
  const found = folders.filter((path) => /\/webkit2?gtk-\d/.test(path)).map((path) => join(path, "MiniBrowser"));
  return onPath("MiniBrowser") ?? found.find((file) => existsSync(file));
}

/** As few services of the desktop as possible, and every file in `home`, which is removed afterwards. */
const environment = (home) => ({
  ...process.env,
  HOME: home,
  TMPDIR: home,
  XDG_CONFIG_HOME: home,
  XDG_CACHE_HOME: home,
  XDG_DATA_HOME: home,
  XDG_RUNTIME_DIR: home,
  DBUS_SESSION_BUS_ADDRESS: "disabled:",
  NO_AT_BRIDGE: "1",
  GSETTINGS_BACKEND: "memory",
});

const FIREFOX_PREFERENCES = `
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
`;

const silent = (home, more = {}) => ({ stdio: "ignore", env: { ...environment(home), ...more } });

/** `packages` bring it on Debian and Ubuntu; `open` returns the programs to end afterwards, the browser first. */
export const browsers = [
  {
    host: "chromium",
    packages: "chromium",
    file: chromium(),
    relaxedFrom: 114,
    open(file, address, home) {
      const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
      const quiet = ["--no-first-run", "--disable-background-networking", "--disable-gpu", "--disable-dev-shm-usage"];
      return [start(file, ["--headless=new", ...root, ...quiet, `--user-data-dir=${home}`, address], silent(home))];
    },
  },
  {
    host: "firefox",
    packages: "firefox-esr",
    file: onPath("firefox", "firefox-esr"),
    relaxedFrom: 146,
    open(file, address, home) {
      writeFileSync(join(home, "user.js"), FIREFOX_PREFERENCES);
      return [start(file, ["--headless", "--no-remote", "--profile", home, address], silent(home))];
    },
  },
  {
    host: "webkit",
    packages: "webkit2gtk-driver xvfb",
    file: onPath("Xvfb") && miniBrowser(),
    // WebKitGTK has both, switched off. The page without isolation is WebKit as it comes.
    flags: { JSC_useWasmRelaxedSIMD: "1", JSC_useSharedArrayBuffer: "1" },
    async open(file, address, home, flags) {
      const display = start("Xvfb", ["-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp"], {
        ...silent(home),
        stdio: ["ignore", "ignore", "ignore", "pipe"],
      });
      const number = await new Promise((resolve, reject) => {
        display.child.stdio[3].setEncoding("utf8").once("data", (text) => resolve(text.trim()));
        display.ended.then((end) => reject(new Error(`Xvfb: ${end}`)));
      });
      const software = { WEBKIT_DISABLE_COMPOSITING_MODE: "1", WEBKIT_DISABLE_DMABUF_RENDERER: "1" };
      return [start(file, [address], silent(home, { ...software, ...flags, DISPLAY: `:${number}` })), display];
    },
  },
];
