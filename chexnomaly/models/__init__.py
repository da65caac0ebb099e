"""The networks of the paper, smallest parts in `blocks`."""

from chexnomaly.models.attention_unet import AttentionUNet
from chexnomaly.models.chexnomaly import CheXNomaly
from chexnomaly.models.ensembles import MaxEnsemble, ModelEnsemble
from chexnomaly.models.self_attention import BottleneckAttentionUNet
from chexnomaly.models.siamese import CNNBase, SiameseNetwork, UNetBase
from chexnomaly.models.unet import UNet
