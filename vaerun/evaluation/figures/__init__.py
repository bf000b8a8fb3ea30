"""Figures of a run, each a pure function of arrays that are saved beside it.

`draw` takes one flat mapping, the content of `figures/arrays.npz`, and makes every figure whose
arrays are there. N validation images, n examples, C H W image, E epochs, J classes, d content
dimensions; angles in radians, shifts in pixels (row, column). The arrays come from
`encoding_arrays`, `curve_arrays`, `latent_maps` and `frame_arrays`.

==============================================  ==============================================
array                                           figure
==============================================  ==============================================
``inputs`` (n, C, H, W)                         inputs
``reconstructions_input``,                      reconstructions
``reconstructions_output`` and, where the
input was corrupted, ``reconstructions_truth``
(n, C, H, W), with ``psnr_db`` (2,) of input
and output over all N
``outliers_input``, ``outliers_output``         outliers
(n, C, H, W), ``outliers_error`` (n,)
``curve_epoch`` (E,), ``curve_train_loss``,     learning_curve
``curve_val_loss``, ``curve_val_<term>`` (E,)
``latent_z`` (N, d)                             latent_distribution, latent_density
``latent_label``, ``latent_predicted`` (N,)     panels and colours of the above and of the angles
``factor_<name>`` (N,)                          panels: the true value of each factor
``latent_angle`` (N,) encoded angle             panel; angle_histogram, with ``factor_angle`` also
                                                angle_vs_truth
``target_mean``, ``target_sd`` (N,),            target_vs_truth, with ``factor_<target>``
``target_name`` ()
``prediction_truth``, ``…_mean``, ``…_sd``      predictions, over ``prediction_axis`` if curves
(n, C, H, W), ``prediction_axis`` (W,),
``prediction_axis_label`` ()
``prediction_point_truth``, ``…_mean``,         prediction_vs_truth
``…_sd`` (P,) some of all their numbers
``shift_px`` (N, 2)                             shift_histogram
``manifold``, ``manifold_data``,                the figure of that name
``manifold_class_<j>`` (R, K, C, H, W), each
with ``…_row_axis``, ``…_column_axis``,
``…_dimensions``
``traversal_z<i>`` ([J,] S, C, H, W) with       traversal_z<i>
``traversal_z<i>_axis``
``confusion`` (J, J') counts, with              confusion
``confusion_columns`` (J',) for classes that
were inferred without labels
``map_names`` (J,)                              names of the classes or conditions decoded
``frame_<f>_image`` (H', W') uint8, with        ground of the maps of this frame
``…_title`` (), ``…_pixel_nm`` () if known,
``…_step`` () pixels a side of a large frame
that are one of the image, if not 1,
and ``…_centre`` (n', 2) row, column, pixels
``frame_<f>_angle``, ``…_z<i>``, ``…_class``,   the figure of that name
``…_rings``, ``…_predicted``, ``…_change``,
``…_target_mean`` and, of curves,
``…_shift``, ``…_scale``, ``…_gain``,
``…_offset``, ``…_error`` (n',)
``predicted_names`` (J',)                       names of the classes in ``frame_<f>_predicted``
``check_<name>_…``                              check_<name>, the evidence of a check
``curve_axis`` (L,), ``curve_axis_label`` ()     of curves, whose images are (…, C, 1, L): values
                                                of the points, name and unit
``curve_shift``, ``curve_scale``,               curve_pose, against the factors ``position``,
``curve_gain``, ``curve_offset`` (N,)           ``width``, ``height`` and ``offset`` if known
``spread_names`` (J,), ``spread_curves_mean``,  curve_spread
``…_sd``, ``spread_canonical_mean``, ``…_sd``
(J, C, 1, L)
``angle_symmetry`` ()                           angles are drawn modulo 360° over this; else 1
==============================================  ==============================================
"""

from vaerun.evaluation.figures.arrays import curve_arrays, encoding_arrays
from vaerun.evaluation.figures.gallery import draw, png, save_figures

__all__ = ["curve_arrays", "draw", "encoding_arrays", "png", "save_figures"]
