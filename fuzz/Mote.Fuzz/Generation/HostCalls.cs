// A valid component that calls what a node hosts, with anything as arguments: handles that there are and that there are
// not, pointers into random memory, and an allocator that answers with anything.
using System.Text;
using System.Text.RegularExpressions;
using Mote.Wit;

namespace Mote.Fuzz.Generation;

/// <summary>Made from the WIT of the hosted interfaces.</summary>
internal sealed partial class HostCalls
{
    /// <summary>Stands for the port of a server that is granted.</summary>
    public const string Port = "(i32.const 1 (;port;))";

    /// <summary>What some strings are, so that something is found: names of files, ways out of a folder, hosts.</summary>
    private static readonly string[] s_texts = ["file", "sub", "sub/new", "sub/../file", "../read/file", "out/etc", "out", "new", ".", "", "/file", "localhost", "127.0.0.1", "/", "a", "default"];

    private const int Texts = 512;

    /// <summary>An allocator that does what it should, and never frees.</summary>
    private const string Honest = "(global.set $at (i32.and (i32.add (global.get $at) (i32.const 7)) (i32.const -8))) (global.get $at) (global.set $at (i32.add (global.get $at) (local.get 3)))";

    private readonly IReadOnlyList<WitInterface> _interfaces;

    /// <param name="files">The hosted WIT.</param>
    /// <param name="isHosted">Whether an interface of this name is hosted.</param>
    public HostCalls(IEnumerable<(string Path, string Text)> files, Func<string, bool> isHosted) =>
        _interfaces = [.. WitResolver.Resolve(files).Packages.SelectMany(p => p.Interfaces).Where(i => isHosted(i.QualifiedName))];

    /// <summary>The text of a component with one export, <c>run</c>.</summary>
    public string Make(Random random)
    {
        var text = new StringBuilder("(component\n");
        var done = new List<WitInterface>();
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            WitInterface iface = random.From(_interfaces);
            Import(text, iface, done);
            // What gives the first handles is mostly another interface of the same package.
            if (!random.Once(4)) foreach (WitInterface other in _interfaces.Where(i => PackageOf(i) == PackageOf(iface))) Import(text, other, done);
        }

        text.AppendLine($$"""
              (core module $Libc
                (memory (export "memory") {{random.Pick("1", "1 4")}})
                (data (i32.const 0) "{{HostileComponent.Data(random)}}")
                (data (i32.const {{Texts}}) "{{string.Concat(s_texts)}}")
                (global $at (mut i32) (i32.const {{random.Next(4096, 32768)}}))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) {{(random.Once(4) ? HostileComponent.Realloc(random) : Honest)}}))
              (core instance $libc (instantiate $Libc))
              (alias core export $libc "memory" (core memory $memory))
              (alias core export $libc "realloc" (core func $realloc))
            """);
        string options = $"(memory $memory) (realloc (core func $realloc)) string-encoding={random.Pick("utf8", "utf16", "latin1+utf16")}";
        var main = new StringBuilder("  (core module $Main (import \"libc\" \"memory\" (memory 0))\n");
        var given = new StringBuilder();
        var calls = new List<Func<string>>();
        var names = new HashSet<string>();
        // Calls that give a handle and need none come first, so that there is something to go wrong with.
        var begin = new List<Func<string>>();
        foreach ((WitInterface iface, int i) in done.Select((x, i) => (x, i)))
        {
            foreach (WitTypeDef resource in iface.Types.Where(t => t.Kind == TypeDefKind.Resource))
            {
                string id = $"$drop-{i}-{resource.Name}";
                text.AppendLine($"  (core func {id} (canon resource.drop $t{i}-{resource.Name}))");
                given.Append($" (export \"{id}\" (func {id}))");
                main.AppendLine($"    (import \"h\" \"{id}\" (func {id} (param i32)))");
                calls.Add(() => Guarded(random, resource.Name, $"(call {id} {Handle(random, resource.Name)}) {(random.Once(4) ? "" : $"(local.set $h-{resource.Name} (i32.const 0))")}"));
                names.Add(resource.Name);
            }

            foreach ((WitFunction f, int n) in iface.Functions.Select((f, n) => (f, n)))
            {
                string id = $"$f{i}-{n}";
                text.AppendLine($"  (alias export $i{i} \"{f.ExternName}\" (func {id})) (core func {id} (canon lower (func {id}) {options}))");
                given.Append($" (export \"{id}\" (func {id}))");
                Shape[] parameters = [.. f.Parameters.Select(p => Of(p.Type!))];
                string[] flat = [.. parameters.SelectMany(p => p.Flat)];
                bool byPointer = flat.Length > 16;
                Shape? result = f.Result is null ? null : Of(f.Result);
                bool resultByPointer = result?.Flat.Count > 1;
                string[] core = [.. byPointer ? ["i32"] : flat, .. resultByPointer ? (string[])["i32"] : []];
                string type = (core.Length > 0 ? $"(param {string.Join(' ', core)})" : "") + (result is not null && !resultByPointer ? $" (result {result.Flat[0]})" : "");
                main.AppendLine($"    (import \"h\" \"{id}\" (func {id} {type}))");
                (!parameters.OfType<HandleShape>().Any() && (result is HandleShape || (parameters.Length == 0 && resultByPointer)) ? begin : calls).Add(() =>
                {
                    IEnumerable<string> arguments = byPointer ? [HostileComponent.Constant(random, "i32")]
                        : parameters.SelectMany((p, at) => p is HandleShape h ? [Handle(random, h.Name)]
                            : !random.Once(3) && Likely(random, f.Parameters[at].Type!) is { } likely ? likely : p.Flat.Select(c => HostileComponent.Constant(random, c)));
                    int slot = Slot(random);
                    bool lost = random.Once(8);
                    if (resultByPointer) arguments = arguments.Append($"(i32.const {(lost ? HostileComponent.Pointer(random) : slot)})");
                    string call = $"(call {id} {string.Join(' ', arguments)})";
                    call = result is null || resultByPointer ? call : result is HandleShape own ? $"(local.set $h-{own.Name} {call})" : $"(drop {call})";
                    if (resultByPointer && !lost) call += Kept(f.Result!, result!, slot);
                    return parameters.OfType<HandleShape>().FirstOrDefault() is { } self ? Guarded(random, self.Name, call) : call;
                });
            }
        }

        main.AppendLine($"    (func (export \"run\"){string.Concat(names.Select(n => $" (local $h-{n} i32)"))}");
        foreach (Func<string> call in begin.Where(_ => !random.Once(4))) main.AppendLine($"      {call()}");
        calls.AddRange(begin);
        for (int n = random.Next(1, 30); n > 0 && calls.Count > 0; n--) main.AppendLine($"      {random.From(calls)()}");
        text.Append(main).AppendLine("    ))");
        text.AppendLine($"  (core instance $main (instantiate $Main (with \"libc\" (instance $libc)) (with \"h\" (instance{given}))))");
        return text.AppendLine("  (func (export \"run\") (canon lift (core func $main \"run\"))))").ToString();
    }

    private static string PackageOf(WitInterface i) => i.QualifiedName.Split('/')[0];

    /// <summary>Arguments of a type that lead somewhere; null where any are as good.</summary>
    private static string[]? Likely(Random random, WitType type)
    {
        if (type is PrimitiveWitType { Name: "string" })
        {
            int i = random.Next(s_texts.Length);
            return [$"(i32.const {Texts + s_texts.Take(i).Sum(t => t.Length)})", $"(i32.const {s_texts[i].Length})"];
        }

        // An address of IPv4: loopback, and the granted port or one of the system's choice.
        if (type is NamedType { Definition.Name: "ip-socket-address" })
        {
            return ["(i32.const 0)", random.Once(3) ? "(i32.const 0)" : Port, "(i32.const 127)", "(i32.const 0)", "(i32.const 0)", "(i32.const 1)", .. Enumerable.Repeat("(i32.const 0)", Of(type).Flat.Count - 6)];
        }

        // Flags and cases that there are.
        return type is NamedType && Of(type).Flat is ["i32"] ? [$"(i32.const {random.Next(8)})"] : null;
    }

    /// <summary>Mostly only where there is a handle: what comes after it is reached then.</summary>
    private static string Guarded(Random random, string resource, string call) => random.Once(12) ? call : $"(if (local.get $h-{resource}) (then {call}))";

    /// <summary>Takes the handle out of a result that is good, and out of the first of a list's tuples.</summary>
    private static string Kept(WitType type, Shape shape, int slot) => type switch
    {
        ResultWitType { Ok: HandleWitType { IsOwn: true } own } => $" (if (i32.eqz (i32.load8_u (i32.const {slot}))) (then (local.set $h-{Defined(own.Resource).Name} (i32.load offset={Math.Max(4, shape.Alignment)} (i32.const {slot})))))",
        ListWitType { Element: TupleWitType { Elements: [HandleWitType { IsOwn: true } first, ..] } } => $" (if (i32.load offset=4 (i32.const {slot})) (then (local.set $h-{Defined(first.Resource).Name} (i32.load (i32.load (i32.const {slot}))))))",
        _ => "",
    };

    /// <summary>Places for results, which handles are taken from again.</summary>
    private static int Slot(Random random) => 1024 + (64 * random.Next(4));

    private static string Handle(Random random, string resource) => random.Next(12) switch
    {
        0 => $"(i32.const {random.Next(6)})",
        1 or 2 => $"(i32.load offset={random.Pick(0, 4, 8)} (i32.const {Slot(random)}))",
        _ => $"(local.get $h-{resource})",
    };

    /// <summary>An import and, before it, those whose types it uses.</summary>
    private static void Import(StringBuilder text, WitInterface iface, List<WitInterface> done)
    {
        if (done.Contains(iface)) return;
        foreach (WitTypeDef used in iface.Types.Where(t => t.IsUse)) Import(text, (WitInterface)Source(used).Owner, done);
        int n = done.Count;
        done.Add(iface);
        text.AppendLine($"  (import \"{iface.QualifiedName}\" (instance $i{n}");
        foreach (WitTypeDef t in InOrder(iface.Types))
        {
            string definition = t.IsUse || t.Kind == TypeDefKind.Resource ? "" : Definition(t);
            if (t.IsUse) text.AppendLine($"    (alias outer 1 $t{done.IndexOf((WitInterface)Source(t).Owner)}-{Source(t).Name} (type $d-{t.Name})) (export \"{t.Name}\" (type ${t.Name} (eq $d-{t.Name})))");
            else if (t.Kind == TypeDefKind.Resource) text.AppendLine($"    (export \"{t.Name}\" (type ${t.Name} (sub resource)))");
            else if (definition[0] == '$') text.AppendLine($"    (export \"{t.Name}\" (type ${t.Name} (eq {definition})))");
            else text.AppendLine($"    (type $d-{t.Name} {definition}) (export \"{t.Name}\" (type ${t.Name} (eq $d-{t.Name})))");
        }

        foreach (WitFunction f in iface.Functions)
        {
            text.AppendLine($"    (export \"{f.ExternName}\" (func {string.Concat(f.Parameters.Select(p => $"(param \"{p.Name}\" {Of(p.Type!).Reference}) "))}{(f.Result is null ? "" : $"(result {Of(f.Result).Reference})")}))");
        }

        text.AppendLine("  ))");
        foreach (WitTypeDef t in iface.Types) text.AppendLine($"  (alias export $i{n} \"{t.Name}\" (type $t{n}-{t.Name}))");
    }

    /// <summary>Types behind those they are made of: WIT may name a type before it defines it, the binary format may not.</summary>
    private static List<WitTypeDef> InOrder(IReadOnlyList<WitTypeDef> types)
    {
        List<WitTypeDef> ordered = [];
        void Visit(WitTypeDef t)
        {
            if (ordered.Contains(t)) return;
            if (!t.IsUse && t.Kind != TypeDefKind.Resource)
            {
                foreach (Match m in Names().Matches(Definition(t)))
                {
                    if (types.FirstOrDefault(other => other.Name == m.Groups[1].Value) is { } made) Visit(made);
                }
            }

            ordered.Add(t);
        }

        foreach (WitTypeDef t in types) Visit(t);
        return ordered;
    }

    [GeneratedRegex(@"\$([\w-]+)")]
    private static partial Regex Names();

    private static WitTypeDef Source(WitTypeDef used) => ((NamedType)used.Alias!).Definition;

    private static WitTypeDef Defined(WitTypeDef t)
    {
        while (t.Kind != TypeDefKind.Resource && t.Alias is NamedType named) t = named.Definition;
        return t;
    }

    private static string Definition(WitTypeDef t) => t.Kind switch
    {
        TypeDefKind.Alias => Of(t.Alias!).Reference,
        TypeDefKind.Record => $"(record {string.Join(' ', t.Members.Select(m => $"(field \"{m.Name}\" {Of(m.Type!).Reference})"))})",
        TypeDefKind.Variant => $"(variant {string.Join(' ', t.Members.Select(m => $"(case \"{m.Name}\"{(m.Type is null ? "" : " " + Of(m.Type).Reference)})"))})",
        TypeDefKind.Enum => $"(enum {string.Join(' ', t.Members.Select(m => $"\"{m.Name}\""))})",
        _ => $"(flags {string.Join(' ', t.Members.Select(m => $"\"{m.Name}\""))})",
    };

    private static Shape Of(WitType type) => type switch
    {
        PrimitiveWitType p => new PrimitiveShape(p.Name),
        NamedType n => new NamedShape($"${n.Definition.Name}", Of(n.Definition)),
        HandleWitType h => new HandleShape(h.Resource, h.IsOwn),
        ListWitType l => new ListShape(Of(l.Element), (int?)l.Length),
        TupleWitType t => new SequenceShape(null, [.. t.Elements.Select(Of)]),
        OptionWitType o => new VariantShape($"(option {Of(o.Element).Reference})", "", [null, Of(o.Element)]),
        ResultWitType r => new VariantShape($"(result{(r.Ok is null ? "" : " " + Of(r.Ok).Reference)}{(r.Error is null ? "" : $" (error {Of(r.Error).Reference})")})", "", [r.Ok is null ? null : Of(r.Ok), r.Error is null ? null : Of(r.Error)]),
        _ => throw new NotSupportedException($"{type}"),
    };

    private static Shape Of(WitTypeDef t) => t.Kind switch
    {
        TypeDefKind.Alias => Of(t.Alias!),
        TypeDefKind.Record => new SequenceShape("", [.. t.Members.Select(m => Of(m.Type!))]),
        TypeDefKind.Flags => new FlagsShape("", t.Members.Count),
        _ => new VariantShape("", "", [.. t.Members.Select(m => m.Type is null ? null : Of(m.Type))]),
    };

    private sealed class HandleShape(WitTypeDef resource, bool own) : Shape
    {
        /// <summary>The resource's own name: where it is used it may have another.</summary>
        public string Name { get; } = Defined(resource).Name;

        public override string Reference => $"({(own ? "own" : "borrow")} ${resource.Name})";

        public override IReadOnlyList<string> Flat => ["i32"];

        public override int Size => 4;

        public override int Alignment => 4;
    }

    private sealed class NamedShape(string reference, Shape inner) : Shape
    {
        public override string Reference => reference;

        public override IReadOnlyList<string> Flat => inner.Flat;

        public override int Size => inner.Size;

        public override int Alignment => inner.Alignment;
    }
}
