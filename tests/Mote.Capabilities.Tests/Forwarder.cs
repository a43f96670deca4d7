// A component that passes every call on: for each function of the interfaces that it imports it exports one of the same
// type. So a test calls a capability as a guest does, through the canonical ABI in both directions, and is itself in C#.
using System.Text;
using Mote.Wasmtime;
using Mote.Wit;

namespace Mote.Capabilities.Tests;

/// <summary>The component, and under which name it exports each function.</summary>
/// <param name="Wasm">The file.</param>
/// <param name="Exports">By interface (with version) and the function's name there.</param>
internal sealed record Forwarder(byte[] Wasm, IReadOnlyDictionary<(string Interface, string Function), string> Exports)
{
    private static readonly Lazy<WitResolve> s_wit = new(() => WitResolver.Resolve(HostedWit.Files()));

    /// <summary>Makes one from the WIT that the host offers.</summary>
    public static Forwarder Of(params ReadOnlySpan<string> interfaces) => Of(static text => text, interfaces);

    /// <summary>The same, with its text changed: to import another version, for example.</summary>
    public static Forwarder Of(Func<string, string> change, params ReadOnlySpan<string> interfaces)
    {
        var all = new List<WitInterface>();
        foreach (string name in interfaces) Add(s_wit.Value.Packages.SelectMany(p => p.Interfaces).Single(i => i.QualifiedName == name), all);
        return new Writer(all).Write(change);
    }

    /// <summary>An interface after those that it uses types of.</summary>
    private static void Add(WitInterface i, List<WitInterface> all)
    {
        if (all.Contains(i)) return;
        foreach (WitTypeDef t in i.Types.Where(t => t.IsUse)) Add((WitInterface)t.Origin.Owner, all);
        all.Add(i);
    }

    private sealed class Writer(List<WitInterface> interfaces)
    {
        private readonly StringBuilder _imports = new();
        private readonly StringBuilder _lowered = new();
        private readonly StringBuilder _arguments = new();
        private readonly StringBuilder _core = new();
        private readonly StringBuilder _coreImports = new();
        private readonly StringBuilder _exports = new();
        private readonly Dictionary<WitTypeDef, int> _drops = [];
        private readonly Dictionary<(string, string), string> _names = [];

        public Forwarder Write(Func<string, string> change)
        {
            foreach (WitInterface i in interfaces) Import(i);
            foreach (WitInterface i in interfaces)
            {
                foreach (WitFunction f in i.Functions) Forward(i, f);
            }

            string text = $$"""
                (component
                  (core module $memory
                    (memory (export "memory") 1)
                    (global $at (mut i32) (i32.const 64))
                    (func (export "realloc") (param $old i32) (param $oldsize i32) (param $align i32) (param $size i32) (result i32)
                      (local $new i32)
                      (local.set $new (i32.and (i32.add (global.get $at) (i32.sub (local.get $align) (i32.const 1))) (i32.sub (i32.const 0) (local.get $align))))
                      (global.set $at (i32.add (local.get $new) (local.get $size)))
                      (loop $more
                        (if (i32.gt_u (global.get $at) (i32.mul (memory.size) (i32.const 65536)))
                          (then
                            (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
                            (br $more))))
                      (memory.copy (local.get $new) (local.get $old) (select (local.get $oldsize) (local.get $size) (i32.lt_u (local.get $oldsize) (local.get $size))))
                      local.get $new)
                    (func $done (export "done") (global.set $at (i32.const 64)))
                    (func (export "done-i32") (param i32) call $done)
                    (func (export "done-i64") (param i64) call $done))
                  (core instance $m (instantiate $memory))
                  (alias core export $m "memory" (core memory $mem))
                  (alias core export $m "realloc" (core func $realloc))
                  (alias core export $m "done" (core func $done))
                  (alias core export $m "done-i32" (core func $done-i32))
                  (alias core export $m "done-i64" (core func $done-i64))
                {{_imports}}{{_lowered}}
                  (core module $main
                    (import "m" "memory" (memory 0))
                    (import "m" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
                {{_coreImports}}{{_core}})
                  (core instance $i (instantiate $main (with "m" (instance $m)) (with "h" (instance {{_arguments}}))))
                {{_exports}})
                """;
            return new Forwarder(Wat.ToWasm(change(text)), _names);
        }

        private static string Local(WitTypeDef t) => $"$here:{t.Name}";

        private static string Global(WitTypeDef t) => $"${t.Origin.Owner.QualifiedName}#{t.Origin.Name}";

        private void Import(WitInterface i)
        {
            _imports.Append($"  (import \"{i.QualifiedName}\" (instance ${i.QualifiedName}\n");
            foreach (WitTypeDef t in InOrder(i.Types))
            {
                if (t.IsUse) _imports.Append($"    (alias outer 1 {Global(t)} (type $outer:{t.Name})) (export \"{t.Name}\" (type {Local(t)} (eq $outer:{t.Name})))\n");
                else if (t.Kind == TypeDefKind.Resource) _imports.Append($"    (export \"{t.Name}\" (type {Local(t)} (sub resource)))\n");
                else if (t.Alias is NamedType other) _imports.Append($"    (export \"{t.Name}\" (type {Local(t)} (eq {Local(other.Definition)})))\n");
                else _imports.Append($"    (type $def:{t.Name} {Definition(t, Local)}) (export \"{t.Name}\" (type {Local(t)} (eq $def:{t.Name})))\n");
            }

            foreach (WitFunction f in i.Functions) _imports.Append($"    (export \"{f.ExternName}\" (func {Function(f, Local)}))\n");
            _imports.Append("  ))\n");
            foreach (WitTypeDef t in i.Types.Where(t => !t.IsUse && t.Origin == t)) _imports.Append($"  (alias export ${i.QualifiedName} \"{t.Name}\" (type {Global(t)}))\n");
        }

        /// <summary>WIT may name a type before it defines it; the binary format may not.</summary>
        private static List<WitTypeDef> InOrder(IEnumerable<WitTypeDef> types)
        {
            var done = new List<WitTypeDef>();
            WitTypeDef[] all = [.. types.OrderBy(t => t.IsUse ? 0 : t.Kind == TypeDefKind.Resource ? 1 : 2)];
            foreach (WitTypeDef t in all) Visit(t);
            return done;

            void Visit(WitTypeDef t)
            {
                if (done.Contains(t) || !all.Contains(t)) return;
                if (!t.IsUse) foreach (WitType? inner in (WitType?[])[t.Alias, .. t.Members.Select(m => m.Type)]) Inside(inner);
                done.Add(t);
            }

            void Inside(WitType? type)
            {
                switch (type)
                {
                    case NamedType n: Visit(n.Definition); break;
                    case HandleWitType h: Visit(h.Resource); break;
                    case ListWitType l: Inside(l.Element); break;
                    case OptionWitType o: Inside(o.Element); break;
                    case TupleWitType u: foreach (WitType e in u.Elements) Inside(e); break;
                    case ResultWitType r: Inside(r.Ok); Inside(r.Error); break;
                }
            }
        }

        private static string Function(WitFunction f, Func<WitTypeDef, string> id) =>
            string.Join(' ', f.Parameters.Select(p => $"(param \"{p.Name}\" {Type(p.Type!, id)})")) + (f.Result is null ? "" : $" (result {Type(f.Result, id)})");

        private static string Definition(WitTypeDef t, Func<WitTypeDef, string> id) => t.Kind switch
        {
            TypeDefKind.Record => $"(record {string.Join(' ', t.Members.Select(m => $"(field \"{m.Name}\" {Type(m.Type!, id)})"))})",
            TypeDefKind.Variant => $"(variant {string.Join(' ', t.Members.Select(m => $"(case \"{m.Name}\"{(m.Type is null ? "" : " " + Type(m.Type, id))})"))})",
            TypeDefKind.Enum => $"(enum {string.Join(' ', t.Members.Select(m => $"\"{m.Name}\""))})",
            TypeDefKind.Flags => $"(flags {string.Join(' ', t.Members.Select(m => $"\"{m.Name}\""))})",
            _ => Type(t.Alias!, id),
        };

        private static string Type(WitType type, Func<WitTypeDef, string> id) => type switch
        {
            PrimitiveWitType p => p.Name,
            NamedType n => n.Definition.Origin.Kind == TypeDefKind.Resource ? $"(own {id(n.Definition)})" : id(n.Definition),
            HandleWitType h => $"({(h.IsOwn ? "own" : "borrow")} {id(h.Resource)})",
            ListWitType l => $"(list {Type(l.Element, id)})",
            TupleWitType t => $"(tuple {string.Join(' ', t.Elements.Select(e => Type(e, id)))})",
            OptionWitType o => $"(option {Type(o.Element, id)})",
            ResultWitType r => $"(result{(r.Ok is null ? "" : " " + Type(r.Ok, id))}{(r.Error is null ? "" : $" (error {Type(r.Error, id)})")})",
            _ => throw new NotSupportedException(type.ToString()),
        };

        private static string Core(CoreType t) => t.ToString().ToLowerInvariant();

        private void Forward(WitInterface i, WitFunction f)
        {
            CoreType[] parameters = [.. f.Parameters.SelectMany(p => WitLayout.Flat(p.Type!))];
            if (parameters.Length > WitLayout.MaxFlatParameters) return; // none that a test needs
            CoreType[] results = f.Result is null ? [] : [.. WitLayout.Flat(f.Result)];
            bool spills = results.Length > 1;
            string name = $"f{_names.Count}";
            _names[(i.QualifiedName, f.ExternName)] = name;

            _lowered.Append($"  (core func $lowered:{name} (canon lower (func ${i.QualifiedName} \"{f.ExternName}\") (memory $mem) (realloc $realloc)))\n");
            _arguments.Append($"(export \"{name}\" (func $lowered:{name})) ");
            string all = string.Concat(parameters.Select(p => $" (param {Core(p)})"));
            string result = results.Length == 0 ? "" : $" (result {(spills ? "i32" : Core(results[0]))})";
            _coreImports.Append($"    (import \"h\" \"{name}\" (func $host:{name}{all}{(spills ? " (param i32)" : result)}))\n");
            _core.Append($"    (func (export \"{name}\"){all}{result}{(results.Length == 0 ? "" : $" (local $result {(spills ? "i32" : Core(results[0]))})")} (local $n i32)\n");
            if (spills) _core.Append($"      (local.set $result (call $realloc (i32.const 0) (i32.const 0) (i32.const {WitLayout.Align(f.Result!)}) (i32.const {WitLayout.Size(f.Result!)})))\n");
            for (int p = 0; p < parameters.Length; p++) _core.Append($"      local.get {p}\n");
            _core.Append(spills ? $"      local.get $result\n      call $host:{name}\n" : $"      call $host:{name}\n");
            if (results.Length == 1) _core.Append("      local.set $result\n");
            DropBorrows(f);
            _core.Append(results.Length == 0 ? "    )\n" : "      local.get $result)\n");
            string done = results.Length == 0 ? "done" : spills || results[0] == CoreType.I32 ? "done-i32" : "done-i64";
            _exports.Append($"  (func (export \"{name}\") {Function(f, Global)} (canon lift (core func $i \"{name}\") (memory $mem) (realloc $realloc) (post-return ${done})))\n");
        }

        /// <summary>What was borrowed must be given up before the call returns.</summary>
        private void DropBorrows(WitFunction f)
        {
            int at = 0;
            foreach (WitMember p in f.Parameters)
            {
                if (p.Type!.Resolved is HandleWitType { IsOwn: false } borrow) _core.Append($"      (call $drop:{Drop(borrow.Resource)} (local.get {at}))\n");
                if (p.Type.Resolved is ListWitType { Element: HandleWitType { IsOwn: false } item })
                {
                    _core.Append($"""
                              (loop $next
                                (if (i32.lt_u (local.get $n) (local.get {at + 1}))
                                  (then
                                    (call $drop:{Drop(item.Resource)} (i32.load (i32.add (local.get {at}) (i32.shl (local.get $n) (i32.const 2)))))
                                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                                    (br $next))))

                        """);
                }

                at += WitLayout.Flat(p.Type).Count;
            }
        }

        private int Drop(WitTypeDef resource)
        {
            if (_drops.TryGetValue(resource.Origin, out int known)) return known;
            int number = _drops.Count;
            _drops[resource.Origin] = number;
            _lowered.Append($"  (core func $dropped:{number} (canon resource.drop {Global(resource)}))\n");
            _arguments.Append($"(export \"drop{number}\" (func $dropped:{number})) ");
            _coreImports.Append($"    (import \"h\" \"drop{number}\" (func $drop:{number} (param i32)))\n");
            return number;
        }
    }
}
