// Where what a component says goes besides where it is sent: to people who look at the device.
namespace Mote.Runtime;

/// <summary>The device's own view, as one component reaches it.</summary>
public interface IComponentView
{
    /// <summary>True while somebody looks: what is shown otherwise is for nobody.</summary>
    bool IsLookedAt { get; }

    /// <summary>Shows a message of an event that the component has handled. On the component's thread: it must not wait.</summary>
    /// <param name="topic">Its topic.</param>
    /// <param name="type">What its bytes are; null where nothing is said.</param>
    /// <param name="data">Its bytes, which do not change.</param>
    /// <param name="isForView">True where it goes to the view alone; false where the component has published it as well.</param>
    void Show(string topic, string? type, ReadOnlyMemory<byte> data, bool isForView);
}
