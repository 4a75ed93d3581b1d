/**
 * Meta's module system as WhatsApp Web exposes it to whoever looks: `__d` defines a module, `require` and
 * `importNamespace` load it, `require("__debug").modulesMap` lists them all.
 *
 * Libraries find WhatsApp's modules through these globals. What the modules are stands in `modules/`. Some may be hidden
 * from them, as if an update had moved them; the page itself goes on with `exportsOf`, as WhatsApp's own would.
 */

const modulesMap = Object.create(null);
const hiddenModules = Object.create(null);
let hiddenIds = [];
const namespaces = new Map();

function defineModule(id, dependencies, factory) {
  const modules = hiddenIds.includes(id) ? hiddenModules : modulesMap;
  modules[id] = { id, dependencies, factory, exports: {}, loaded: false };
}

function requireModule(id) {
  if (id === "__debug") return { modulesMap };
  const definition = modulesMap[id];
  if (!definition) throw new Error(`Requiring unknown module "${id}"`);
  return load(definition);
}

function load(definition) {
  if (!definition.loaded) {
    definition.loaded = true;
    const module = { exports: definition.exports };
    definition.factory(
      self,
      requireModule,
      importDefault,
      importNamespace,
      requireLazy,
      module,
      module.exports,
    );
    definition.exports = module.exports;
  }
  return definition.exports;
}

function importDefault(id) {
  const exports = requireModule(id);
  return exports?.__esModule ? exports.default : exports;
}

function importNamespace(id) {
  const exports = requireModule(id);
  if (exports?.__esModule) return exports;
  if (!namespaces.has(id)) namespaces.set(id, { default: exports });
  return namespaces.get(id);
}

function requireLazy(ids, callback) {
  queueMicrotask(() => callback(...ids.map(requireModule)));
}

/** A module's exports with what libraries have replaced in them, be it hidden or not. */
export function exportsOf(id) {
  return load(modulesMap[id] ?? hiddenModules[id]);
}

/** Puts the module system into the page, after which the libraries begin to look around for all that is not hidden. */
export function installModuleSystem(hidden) {
  hiddenIds = hidden;
  self.ErrorGuard = {
    skipGuardGlobal() {},
    applyWithGuard: (callback, context, args) => callback.apply(context, args),
  };
  self.importDefault = importDefault;
  self.importNamespace = importNamespace;
  self.requireLazy = requireLazy;
  self.__d = defineModule;
  self.require = requireModule;
}

/**
 * Defines a module with named exports. Libraries replace single exports by their own functions, so whoever calls an
 * export that they may have replaced asks `exportsOf` for it.
 */
export function defineExports(id, exports) {
  defineModule(id, [], (...factory) => {
    const module = factory[5];
    Object.defineProperty(module.exports, "__esModule", { value: true });
    Object.assign(module.exports, exports);
  });
}

/** Defines a CommonJS module: `require(id)` is the value itself, `importNamespace(id).default` too. */
export function defineValue(id, value) {
  defineModule(id, [], (...factory) => {
    const module = factory[5];
    module.exports = value;
  });
}
