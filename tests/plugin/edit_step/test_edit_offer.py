"""The line that offers kept labels: what it looks at, and how often."""

from napari.components import ViewerModel

from napari_scarnet import edit_offer
from napari_scarnet.edit_recovery import write_recovered
from napari_scarnet.label_layers import add_labels
from napari_scarnet.studies import add_stack


def test_kept_labels_are_read_once_and_hold_against_labels_of_another_size(qtbot, hearts, looked, monkeypatch):
    reads, read = [], edit_offer.read_recovered
    monkeypatch.setattr(edit_offer, "read_recovered", lambda *args: reads.append(args) or read(*args))
    viewer, stack = ViewerModel(), hearts.stack()
    labels = hearts.labels(stack.shape)
    layer = add_labels(viewer, add_stack(viewer, stack), labels)
    write_recovered(stack, "kept.nii.gz", labels)
    offer, failed, found = edit_offer.OfferBar(viewer), [], []
    qtbot.addWidget(offer)
    offer.failed.connect(failed.append)
    offer.found.connect(lambda: found.append(True))

    def look():
        offer.look_for(stack.case, 0)
        looked(offer)

    look()
    look()
    assert len(reads) == 1
    assert not found  # they are on screen already
    write_recovered(stack, "kept.nii.gz", labels[:, ::-1])
    look()
    assert len(reads) == 2
    assert found
    layer.data = labels[:2]
    look()
    assert not failed
    assert len(found) == 2
